"""How a terminal draws values: tables, bars, ladders."""
