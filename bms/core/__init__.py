"""Words that the whole controller shares: commands and awards, equipment, errors, time."""
