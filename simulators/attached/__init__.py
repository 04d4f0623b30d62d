"""What plants from outside have in common: mapping files, steps, a process beside."""
