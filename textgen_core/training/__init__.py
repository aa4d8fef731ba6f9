"""Training: one compiled step, its loss, optimizer and schedule, checkpoints, and the loop."""
