"""Which components there are, who provides each, and which one a request means.

Finding out what is installed imports no plugin; `discover` imports them, each on its own.
"""
