"""Numbers, times and units as files write them, and what they mean. Pure."""
