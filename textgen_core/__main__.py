"""`python -m textgen_core` is the command `textgen`."""

import os
import sys

if __name__ == "__main__":
    # Python has put the current folder first: what lies there may be a stranger's run.
    if not sys.flags.safe_path and os.path.realpath(sys.path[0]) == os.path.realpath(os.curdir):
        del sys.path[0]
    from textgen_core.cli import main

    main()
