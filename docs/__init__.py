"""The documents, and what prints those pages of them that the code knows best."""
