"""Who may do what, and who is at the keyboard."""
