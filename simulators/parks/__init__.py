"""Parks to run against: each is a plant and a site directory."""
