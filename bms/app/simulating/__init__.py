"""What a simulation leaves to processes beside it."""
