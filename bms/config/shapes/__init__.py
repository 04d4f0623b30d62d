"""The shape of the site files (pydantic): which keys there are, and what they may hold."""
