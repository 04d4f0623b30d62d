"""YAML 1.2 with the place of every word: read, checked, and changed in the fewest characters."""
