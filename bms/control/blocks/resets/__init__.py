"""What moves setpoints: requests, trim and respond, lines. Pure."""
