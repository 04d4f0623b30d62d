"""Energy management by people: what is asked, who does it, and where it is kept."""
