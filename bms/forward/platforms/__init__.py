"""Figures reported to platforms of authorities (key energy users), until they are acknowledged.

`periods`, `wording` and `standing` are pure: which message is due, what it says, how complete the
reports are. `ledger_figures` asks the ledger, `collecting` makes messages, `postbox` keeps them,
`platform_server` is the other end and `sending` the task of one platform. Not yet proven against a
platform: the catalogue of messages differs by province.
"""
