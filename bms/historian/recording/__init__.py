"""On the way in: from samples to durable commits, off the loop."""
