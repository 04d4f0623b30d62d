"""What people read: messages, catalogues, and YAML with the place of every word.

The lowest room: it imports nothing of the project.
"""
