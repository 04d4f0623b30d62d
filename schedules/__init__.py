"""Seasons, calendars and weekly programmes: pure answers to "what is in force now, and why?"."""
