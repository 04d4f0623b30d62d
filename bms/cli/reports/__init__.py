"""Reports as documents: shown, or written in the formats people file."""
