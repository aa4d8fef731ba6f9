"""The documentation site: Markdown pages, and a reference that is generated from the code.

Nothing here imports TensorFlow or needs the network:

    sphinx-build -W -b html docs docs/_build
"""

from __future__ import annotations

import sys
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))  # for generate_reference

project = "textgen"
author = "The textgen contributors"
copyright = "the textgen contributors"
release = version = version_of("textgen-core")

extensions = ["myst_parser"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
nitpicky = True

html_theme = "furo"
html_title = f"textgen {release}"
html_copy_source = False
html_show_sphinx = False


def generate(_app: Any) -> None:
    """Write the generated pages of the reference, before Sphinx looks for pages."""
    from generate_reference import write_reference

    write_reference(HERE / "reference" / "_generated")


def setup(app: Any) -> None:
    """Register the generator."""
    app.connect("builder-inited", generate)
