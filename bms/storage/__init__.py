"""How files and databases are written so that a power cut loses nothing."""
