"""What people do and what runs: the running site, and the use cases on it."""
