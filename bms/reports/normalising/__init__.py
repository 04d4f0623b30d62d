"""Growth at equal conditions and baselines of meters, from the ledger and what drives it.

These modules load NumPy: only what makes reports imports them.
"""
