"""Machines that make cold and heat and give it away: chillers, towers, boilers.

Each protects itself as a real one does, and counts what was done to it.
"""
