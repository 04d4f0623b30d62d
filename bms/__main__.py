"""`python -m bms` is `bms`."""

from bms.cli import main

main()
