"""What zones ask of air handlers, and air handlers of plants: requests and resets. Pure."""
