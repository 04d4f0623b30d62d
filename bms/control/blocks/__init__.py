"""What strategies are made of: staging, rotation, timers, proofs, chiller trains. Pure."""
