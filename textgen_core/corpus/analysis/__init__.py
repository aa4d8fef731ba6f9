"""What a text is like, in plain numbers that become analysis.json: phase 1 of a run."""
