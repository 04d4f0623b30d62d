"""Frames, framings, and the connection they travel on."""
