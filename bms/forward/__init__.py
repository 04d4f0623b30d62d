"""Copies of the history in databases that speak InfluxDB's line protocol.

`sink` is the copying task of one database, and `sources` are the streams it takes. `lines` and
`tags` turn a row into a line. `refill` finds rows that have left their stream. `delivery` and
`transport` bring lines to the server, and `pace` says how fast missed ones may follow. The way
back: `reader` reads what the server has, `compare` compares it with what was sent, and `setup`
makes its buckets.
"""
