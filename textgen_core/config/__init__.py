"""The settings of one run: defaults < recipe < file < --set < flags, merged and checked at once.

`configure` gives the whole configuration; it reads no corpus and builds nothing.
"""
