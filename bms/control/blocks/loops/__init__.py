"""Loops that move an output steadily: PID, ramps. Pure."""
