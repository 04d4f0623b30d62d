"""Pumps that fill tanks, empty pits and hold the pressure of a water main. Pure."""
