"""The composition root: where the parts meet, and the tasks that run them."""
