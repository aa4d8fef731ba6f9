"""A TensorFlow that cannot be imported, or that ends the process, says why."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

START = """
import sys
from textgen_core.cli.output import fail, guarded_streams
from textgen_core.cli.startup import import_tensorflow
from textgen_core.errors import TextgenError
with guarded_streams():
    try:
        import_tensorflow()
    except TextgenError as error:
        fail(str(error))
    print("went on", file=sys.stderr)
"""
SAY = "import os; os.write(2, b'I0000 a line of a log\\nunknown flag \\x1b[31m--bogus=2\\n')\n"
FAKES = {
    "exits": SAY + "os._exit(1)",
    "aborts": SAY + "os.abort()",
    "raises": "raise ImportError('libcublas.so.12: cannot open shared object file')",
    "works": SAY + "class config:\n    list_physical_devices = staticmethod(list)",
}
ENDED = [
    "Error: The program ended while TensorFlow was imported.",
    "unknown flag --bogus=2",
    "Unset TF_XLA_FLAGS=--bogus=2, or reinstall TensorFlow: "
    "pip install --force-reinstall tensorflow",
]
EXPECTED = {
    "exits": (1, ENDED),
    "aborts": (-6, ENDED),
    "raises": (
        0,
        [
            "Error: TensorFlow cannot be imported: ImportError: libcublas.so.12: cannot open "
            "shared object file",
            *ENDED[2:],
            "went on",
        ],
    ),
    "works": (0, ["went on"]),
}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no second process can wait for the first")
@pytest.mark.parametrize("fake", FAKES)
def test_what_ends_the_import_of_tensorflow_is_seen(tmp_path, fake):
    (tmp_path / "tensorflow.py").write_text(FAKES[fake])
    own = {"PYTHONPATH": str(tmp_path), "TF_XLA_FLAGS": "--bogus=2", "NO_COLOR": "1"}
    left_out = ("TF_CPP_MIN_LOG_LEVEL", "XLA_FLAGS", "LD_LIBRARY_PATH", "LD_PRELOAD")
    inherited = {key: text for key, text in os.environ.items() if key not in left_out}
    done = subprocess.run(
        [sys.executable, "-c", START],
        env={**inherited, **own},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    code, lines = EXPECTED[fake]
    assert (done.returncode, done.stderr.splitlines(), done.stdout) == (code, lines, "")
