"""What people have sent to databases once more."""
