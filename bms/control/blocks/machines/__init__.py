"""Which machine runs, and does it: lead and lag, starts, proofs, capacity, curves. Pure."""
