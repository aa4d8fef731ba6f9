"""From files on disk, whatever they are, to documents of text."""
