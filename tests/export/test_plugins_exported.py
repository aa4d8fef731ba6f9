"""A plugin's model that a page cannot compute is refused: in words, and nothing is written."""

from __future__ import annotations

import os
import sys

import pytest
from cli.commands import TINY, run_lines
from cli.conftest import write_text
from fake_plugins import Site

BUILDERS = """
    import attrs
    from textgen_core import ModelBuilder, hookimpl

    @attrs.frozen
    class Mirrored(ModelBuilder):
        '''Its logits are turned round, and back.'''

        def build(self, vocabulary_size, context_length):
            from fake_layers import MirroredModel

            return MirroredModel(vocabulary_size)

    @attrs.frozen
    class Whole(ModelBuilder):
        '''It reads whole windows only.'''

        def build(self, vocabulary_size, context_length):
            from fake_layers import WholeModel

            return WholeModel(vocabulary_size)

    @hookimpl
    def textgen_models():
        return {"mirrored": Mirrored, "whole": Whole}
"""
LAYERS = """
import keras
from keras import ops


class WholeModel(keras.Model):
    def __init__(self, vocabulary_size):
        super().__init__()
        self.embedding = keras.layers.Embedding(vocabulary_size, 8)
        self.head = keras.layers.Dense(vocabulary_size)
        self(ops.zeros((1, 1), "int32"))

    def call(self, token_ids, training=False):
        return self.head(self.embedding(token_ids))


class MirroredModel(WholeModel):
    def initial_state(self, batch_size):
        return ops.zeros((batch_size, 1))

    def advance(self, token_ids, state, training=False):
        turned = ops.flip(ops.tanh(ops.flip(self(token_ids), -1)), -1)
        return turned, state + 1
"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """What `textgen export` says of a run of each model, and the folder that it was to write to."""
    folder, site = tmp_path_factory.mktemp("work"), Site(tmp_path_factory.mktemp("site"))
    site.add("textgen-odd", BUILDERS)
    (site.folder / "fake_layers.py").write_text(LAYERS, encoding="utf-8")
    text = write_text(folder)
    (folder / "out").mkdir()
    train = ["run", text, *TINY, "--quiet"]
    lines = [[*train, "--model", name, "--out", name] for name in ("mirrored", "whole")]
    lines += [
        ["export", "mirrored", "--to", "html", "--out", "out/mirrored.html"],
        ["export", "whole", "--to", "html", "--out", "out/whole.html"],
        ["export", "whole", "--to", "litert", "--out", "out/whole-litert"],
    ]
    path = {"PYTHONPATH": os.pathsep.join([str(site.folder), *sys.path])}
    done = run_lines(lines, folder, environment=path)
    assert [each.returncode for each in done[:2]] == [0, 0], done[0].stderr + done[1].stderr
    return done[2:], folder / "out"


def test_an_operation_that_the_page_lacks_is_named(exported) -> None:
    (mirrored, *_), _ = exported
    assert mirrored.returncode == 2
    assert "The model 'mirrored' (textgen-odd 1.0) needs REVERSE_V2" in mirrored.stderr
    assert "--to litert" in mirrored.stderr


def test_a_model_that_is_no_program_is_refused(exported) -> None:
    (_, *others), _ = exported
    for each in others:
        assert each.returncode == 2
        assert "offers no advance" in each.stderr
        assert "Traceback" not in each.stderr


def test_nothing_is_written_of_a_refused_export(exported) -> None:
    _, out = exported
    assert list(out.iterdir()) == []
