"""What lies on disk: a run's directory and manifest, whole files, and the cache.

A run directory is data: nothing in it is unpickled, imported or executed.
"""
