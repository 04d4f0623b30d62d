"""The energy ledger on disk: what each meter measured in each quarter hour, and every revision."""
