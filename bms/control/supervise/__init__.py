"""Who decides modes and setpoints of groups: schedules, overlays, seasons by weather, operators. Pure."""
