"""What begins before its schedule says so. Pure."""
