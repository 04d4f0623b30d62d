"""Any plant from a declaration: unlike machines on common headers, behind the `Plant` protocol."""
