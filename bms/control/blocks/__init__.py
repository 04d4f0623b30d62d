"""What strategies are made of: staging, rotation, timers, proofs, the order of a chiller train. Pure."""
