"""What pytest must not collect here: the frozen plugins have tests and a configuration of their own."""

collect_ignore = ["older_plugins"]
