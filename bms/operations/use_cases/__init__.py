"""What the running controller does when it is asked: one function for each operation.

A change is checked, stored together with its entry of the audit, and then in force.
"""
