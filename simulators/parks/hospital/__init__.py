"""A hospital of EnergyPlus: chiller, tower, boiler, four air handlers, 55 zones."""
