"""What is copied: streams of numbered rows, and the lines they become."""
