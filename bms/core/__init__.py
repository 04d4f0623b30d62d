"""The words that the whole controller shares: commands and awards, kinds of equipment, errors, time."""
