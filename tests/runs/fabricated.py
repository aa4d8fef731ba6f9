"""A run's directory without a training: what its files are, and not what they would compute."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path

import numpy as np

from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import write_json, write_text, write_toml
from textgen_core.runs.tensors import hash_file
from textgen_core.runs.weights import save_tensors


def fabricate(path: Path, *, steps=(7, 9), last_step=9, bits=2.5, corpus=None) -> RunDirectory:
    """Write a run with a checkpoint at each of some steps, of which the first is the best."""
    run = RunDirectory(path)
    path.mkdir(parents=True)
    training = {"minutes": 1.0, "patience": 3}
    files = [str(corpus)] if corpus else []
    tables = {"model": {"name": "lstm"}, "tokenizer": {"name": "character"}, "training": training}
    write_toml(run.configuration, {**tables, "corpus": {"files": files}, "from_recipe": "fast"})
    write_text(run.tokenizer, json.dumps({"model": {}}))
    texts = [{"path": str(corpus), "bytes": 3, "sha256": hash_file(corpus)}] if corpus else []
    manifest = {"created": "2026-01-02T03:04:05+00:00", "model": {"parameters": 5}, "corpus": texts}
    write_json(run.manifest, {**manifest, "sha256": {"tokenizer.json": hash_file(run.tokenizer)}})
    for step in steps:
        folder = run.checkpoint(step)
        folder.mkdir(parents=True)
        for name in ("weights", "optimizer"):
            values = np.random.default_rng(step).normal(size=1000).astype(np.float32)
            save_tensors({"0000/kernel": values}, folder / f"{name}.safetensors")
        hashes = {each.name: hash_file(each) for each in folder.iterdir()}
        plan = {"last_step": last_step, "step": 0, "progress": 0.0}
        state = {"step": step, "seconds": 60.0, "plan": plan, "epochs_without_gain": 0}
        write_json(folder / "state.json", {**state, "sha256": hashes})
    if steps:
        write_json(run.best, {"checkpoint": run.checkpoint(steps[0]).name, "validation_loss": 1.0})
    write_text(run.metrics, '{"step": 7, "loss": 1.0}\n')
    if bits is not None:
        write_json(run.evaluation, {"split": "test", "bits_per_byte": bits})
    write_text(run.report, "<p>page</p>")
    return run


def held_by(run: RunDirectory, pid: int | None = None) -> None:
    """Let a process, this one by default, say that it writes a run."""
    holder = {"pid": pid or os.getpid(), "host": platform.node(), "since": "now", "command": "x"}
    write_text(run.lock, json.dumps(holder))
