"""Energy management by people: goals, rounds of inspection, findings and measures. Pure."""
