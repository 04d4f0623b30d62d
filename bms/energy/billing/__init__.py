"""What energy costs: quarter hours by the periods of a tariff, and the charges of a month."""
