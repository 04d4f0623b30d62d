"""What people read: messages that remember what they were made of, catalogues, and YAML with the place of every word.

The lowest room: it imports nothing of the project.
"""
