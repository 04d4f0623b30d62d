"""Which registers are read together, how, and how often."""
