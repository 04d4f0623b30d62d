"""Tanks and pits: what must not run dry, not overflow, and what is kept for the fire brigade."""
