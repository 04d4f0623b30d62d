"""What is measured, judged before it is used: filters, votes, the proof of flow. Pure."""
