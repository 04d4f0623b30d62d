"""What people read, as plain values: why, previews, growth, what shadow mode would have done."""
