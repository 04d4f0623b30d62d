"""Kinds of equipment, what their points may be asked, and how machines hang together. Pure."""
