"""What stands switched: seasons, overlays, time units; planned, in force, extended. Pure."""
