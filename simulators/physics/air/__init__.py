"""Air: what it carries, coils, rooms, and the units that move it.

Flows are kg/s inside and m3/h at the edge. Enthalpy is h = 1.02 T + 2501 w, with one heat
capacity for dry and moist air, so that heat and moisture are conserved apart from each other.
"""
