"""Around air handlers: terminals, fan coils, fans, and the sources of a small group. Pure."""
