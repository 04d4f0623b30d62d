"""What is written for people: a first site directory, calendars, problems with a mark under the place."""
