"""Runs several command lines in one process of their own, so that TensorFlow is imported once.

Each goes through the entry point of the command, with its own stdout, stderr and exit code.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import attrs

TINY = [
    *(
        "--recipe",
        "first",
        "--tokenizer",
        "character",
        "--model",
        "lstm:units=8,layers=1,embedding=8",
    ),
    *("--epochs", "1", "--batch-size", "8", "--set", "data.sequence_length=16"),
    *("--set", "data.stride=16", "--set", "generation.max_new_tokens=8"),
    *("--set", "generation.samples=2", "--set", "evaluation.prompts=2"),
    *("--set", "evaluation.continuation_tokens=4", "--set", "training.compile=graph"),
]


@attrs.frozen
class Result:
    returncode: int
    stdout: str
    stderr: str


def run_lines(lines, directory, *, within=(), environment=None):
    """Return a Result for each of `lines`, sequences of arguments, run in `directory`.

    within: a command that runs the process, and is given its command line as further arguments.
    """
    script = directory / "lines.json"
    script.write_text(json.dumps([[str(each) for each in line] for line in lines]))
    own = {"TEXTGEN_CACHE": str(directory / "cache"), "COLUMNS": "100", "NO_COLOR": "1"}
    # What the tests set against TensorFlow's chatter is what brings it back: see `cli/startup`.
    inherited = {key: os.environ[key] for key in os.environ if key != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(
        [*within, sys.executable, __file__, script],
        env={**inherited, **own, **(environment or {})},
        cwd=directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results = json.loads((directory / "results.json").read_text())
    return [Result(*each) for each in results]


def _run_one(arguments, folder):
    from textgen_core.cli import main

    kept = os.dup(1), os.dup(2)
    files = [(folder / name).open("w+b") for name in ("stdout", "stderr")]
    for number, file in enumerate(files, start=1):
        os.dup2(file.fileno(), number)
    sys.argv = ["textgen", *arguments]
    code = None
    try:
        main()
    except SystemExit as ended:
        code = ended.code
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, descriptor in enumerate(kept, start=1):
            os.dup2(descriptor, number)
            os.close(descriptor)
    texts = []
    for file in files:
        file.seek(0)
        texts.append(file.read().decode())
        file.close()
    return [code, *texts]


if __name__ == "__main__":
    path = Path(sys.argv[1])
    found = [_run_one(line, path.parent) for line in json.loads(path.read_text())]
    (path.parent / "results.json").write_text(json.dumps(found))
