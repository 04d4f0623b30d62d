"""What two years have in common, meter by meter, and what the rest can have been. Pure."""
