"""Whether the server has what it acknowledged."""
