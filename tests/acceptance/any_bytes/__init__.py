"""A whole controller fed with anything: what the field sends ends nothing but its own point."""
