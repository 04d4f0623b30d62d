"""One task per database: live first, gaps behind it, nothing lost."""
