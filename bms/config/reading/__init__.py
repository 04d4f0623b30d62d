"""From a site directory to texts and checked entries."""
