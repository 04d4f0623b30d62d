"""Tables: texts with separators and workbooks, their layout, their values."""
