"""What is changed in a text before it is split; each step says what it changed, and how often."""
