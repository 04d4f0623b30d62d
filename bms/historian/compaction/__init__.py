"""From the log to segments and quarter hours, pass by pass."""
