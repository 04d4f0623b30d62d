"""Ways of running a plant, tried against each other in simulated time."""
