"""Buildings of EnergyPlus behind the `Plant` protocol, attached by a file and no code."""
