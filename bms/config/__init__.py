"""A site directory of YAML files as one frozen `Site`, or every problem found in it."""
