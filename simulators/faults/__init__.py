"""Faults of any simulated plant, on command and by script: sensors, machines, wires, power."""
