"""What keeps machines and people whole, whatever anybody wants of them. Pure."""
