"""Plants that behave like real ones behind real servers; they know nothing of the controller."""
