"""From checked entries to what a gateway runs: machines, outputs, groups, meters."""
