"""Water around the chillers of a plant: the chilled side and the condenser side. Pure."""
