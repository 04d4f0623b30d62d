"""Commands about schedules, seasons, overlays, calendars and time units."""
