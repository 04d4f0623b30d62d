"""One session with a server: opened, secured, guarded, supervised."""
