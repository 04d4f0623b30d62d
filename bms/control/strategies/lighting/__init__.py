"""Lighting and car parks: circuits by schedule, people, daylight and the sun."""
