"""Hot tap water: stores, heat sources in order of cost, circulation, hygiene. Pure."""
