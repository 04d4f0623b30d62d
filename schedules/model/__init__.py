"""What schedules are made of: calendars, weeks, seasons, overlays, time units. Pure."""
