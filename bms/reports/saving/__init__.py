"""What one way of running a plant saves against another, at equal service."""
