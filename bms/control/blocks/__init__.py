"""What strategies are made of: inputs, loops, resets, machines, delays; staging, trains. Pure."""
