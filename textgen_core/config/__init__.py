"""The settings of one run: defaults < recipe < file < --set < flags, merged and checked at once.

`resolve.configure` gives the whole configuration. Nothing is re-exported: `--help` needs `settings`
alone.
"""
