"""The field as the controller sees it: one image of all points, one queue of writes per link."""
