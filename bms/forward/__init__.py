"""Copies of the history in databases that speak InfluxDB's line protocol.

`sink` is the copying task of one database, `sources` are the streams it takes, `lines` and `tags`
how a row becomes a line, `refill` finds rows that have left their stream, `delivery` and
`transport` how lines get there, `pace` how fast what was missed may follow. `reader`, `compare`
and `setup` are the way back: what the server has, whether it equals what was sent, and making its
buckets.
"""
