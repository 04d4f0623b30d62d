"""Looking at devices by hand, before and beside the controller."""
