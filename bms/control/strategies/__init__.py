"""One strategy per kind of plant: from mode and setpoints to commands for machines. Pure."""
