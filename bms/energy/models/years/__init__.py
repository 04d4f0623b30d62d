"""One year against another: growth at equal conditions, its causes, the budget that is left."""
