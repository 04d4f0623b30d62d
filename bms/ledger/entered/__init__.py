"""What people say about meters: replacements, corrections, readings by hand."""
