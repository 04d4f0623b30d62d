"""Commands about meters, history, reports and copies."""
