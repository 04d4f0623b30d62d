"""The local socket: protocol, server, client. Nothing is decided here."""
