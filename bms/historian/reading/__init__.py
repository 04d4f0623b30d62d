"""What reports, screens and copies ask of the history."""
