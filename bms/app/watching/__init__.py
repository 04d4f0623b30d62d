"""What keeps a running controller whole: tasks that fail, files put aside, the lock."""
