"""Buildings of EnergyPlus: the adapter over a double of its API, and over EnergyPlus itself."""
