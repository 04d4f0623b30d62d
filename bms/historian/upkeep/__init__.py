"""Room on the disk: budget, rounds, and the task that starts them."""
