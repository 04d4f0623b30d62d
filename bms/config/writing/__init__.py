"""What is written for people: a first site, calendars, problems with a mark under the place."""
