"""Which water machines need, what proves it, and what stops without it. Pure."""
