"""Meters, the boundaries that they make, and what nobody said about them."""
