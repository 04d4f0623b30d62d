"""Any FMU for co-simulation as a plant: `simulators.fmu.fmu_plant:Fmu`."""
