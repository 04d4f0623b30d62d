"""The cycle: controllers, arbiter, protection, outputs, and their saved states. Pure."""
