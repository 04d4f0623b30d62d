"""Coal equivalent and CO2 from amounts of energy, by dated and sourced factors."""
