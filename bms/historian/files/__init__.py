"""Segments of raw samples, and the roll-up database with its manifest."""
