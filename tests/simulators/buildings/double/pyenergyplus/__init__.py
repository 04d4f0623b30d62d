"""Stands in for pyenergyplus: one room, one fan, callbacks in the order of EnergyPlus 25.2."""
