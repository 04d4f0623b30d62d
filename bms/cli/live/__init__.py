"""Commands that ask the running controller."""
