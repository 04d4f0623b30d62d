"""Compressed air: the units of one joined header as one machine. Pure."""
