"""What measures have saved, each with an interval, and how they add up to the main meter."""
