"""Files of readings as loggers, utilities and people write them, into series of values."""
