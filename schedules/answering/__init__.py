"""What is in force at an instant, and why. Pure."""
