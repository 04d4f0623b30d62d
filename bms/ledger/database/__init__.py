"""The ledger's database: its tables, what is asked of it, what is written, how rows are packed."""
