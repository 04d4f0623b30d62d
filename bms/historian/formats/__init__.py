"""How samples and roll-ups are packed. Pure but for NumPy."""
