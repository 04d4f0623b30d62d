"""Goals, rounds, findings and measures: energy management by people."""
