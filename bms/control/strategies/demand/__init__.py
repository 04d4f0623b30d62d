"""Demand limits: no billing interval exceeds what was agreed with the utility. Pure."""
