"""`history.db`: the log of samples, awards, alarms and readings."""
