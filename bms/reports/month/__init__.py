"""The month's sheet of a base: what is gathered for it, and the document that is made of it."""
