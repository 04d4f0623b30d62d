"""What plants of water reckon with: load and stages, condenser water, free cooling, pumps. Pure."""
