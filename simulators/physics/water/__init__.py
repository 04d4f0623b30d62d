"""Water in pipes: conductances and pumps, valves that travel, delay, heat exchangers.

Flows are m3/h, pressures kPa, conductances m3/h at 1 kPa. Heat is never lost between components:
what one gives, another gets.
"""
