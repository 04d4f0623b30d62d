"""Commands about a site and its links: check, run, scan, raw access, certificates."""
