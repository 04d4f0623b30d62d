"""Whether a chilled-water plant runs, which of its chillers, and in which order. Pure."""
