"""The database at the other end: setting it up, sending to it, asking it."""
