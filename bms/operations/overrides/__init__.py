"""Overrides: what may be overridden and until when, where they are kept, what they cost."""
