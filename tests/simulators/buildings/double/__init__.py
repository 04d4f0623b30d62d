"""A directory for PYTHONPATH: a double of pyenergyplus."""
