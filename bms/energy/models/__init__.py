"""Baselines by regression, and the growth and savings they tell. Pure but for NumPy.

Reports ask this room. What runs a site never imports it: NumPy costs memory and a slow start.
"""
