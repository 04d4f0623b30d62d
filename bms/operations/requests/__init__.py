"""What people may ask and what is answered: frozen models, of which the socket's protocol is made.

Light to import: the command line needs nothing else of the operations to ask the controller.
"""
