"""First physics of a park: small models that take steps of any length from 1 s to 1 h.

Every model integrates its own equation exactly over a step in which its inputs are constant, so
that a long step is stable and conserves energy. `power_kw` is always the mean over the step:
kWh = power_kw * step. Nothing here knows of points, files or clocks.
"""
