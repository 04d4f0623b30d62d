"""The embedded store of samples, awards and alarms: recorded, compacted, read, kept in bounds."""
