"""One air handler: when and why it runs, its air, its coils, what is wrong with it. Pure."""
