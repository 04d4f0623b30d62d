"""What servers send as values, byte by byte, and what it means to a point."""
