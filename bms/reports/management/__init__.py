"""The report of energy management by people: goals, rounds, findings, measures."""
