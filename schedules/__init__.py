"""Seasons, calendars and weekly programmes: "what is in force now, and why?". Pure."""
