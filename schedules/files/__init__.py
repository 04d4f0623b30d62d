"""From the texts of schedule files to one library, or every problem in them. Pure."""
