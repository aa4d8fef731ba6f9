"""Which components there are, who provides each, and which one a request means.

Importing the package imports no plugin; `discover` imports them, each on its own.
"""
