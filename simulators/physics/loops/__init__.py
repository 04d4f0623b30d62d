"""Whole loops: pumps, machines and consumers on common headers, stepped together.

A step is hydraulics first (who gets how much), then heat along the way of the water.
"""
