"""Who decides modes and setpoints of groups: schedules, overlays, weather, operators. Pure."""
