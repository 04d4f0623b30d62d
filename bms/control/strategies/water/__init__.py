"""What plants of chilled and hot water share: machines on headers, their proofs, pumps. Pure."""
