"""Registers to values and back. Pure."""
