"""The demo park: three bases with different plants, on generated weather."""
