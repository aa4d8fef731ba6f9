"""`python -m textgen_core` is the command `textgen`."""

from textgen_core.cli import main

if __name__ == "__main__":
    main()
