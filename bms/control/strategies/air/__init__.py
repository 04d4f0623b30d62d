"""Air handlers and fresh air, with the terminals, fan coils, fans and sources around them. Pure."""
