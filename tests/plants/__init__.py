"""Group control against plants whose physics can be trusted."""
