"""Device types as YAML files: which points a device has, and where."""
