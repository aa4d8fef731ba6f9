"""A run keeps the precision that it began in, whatever another machine would choose."""

import json
from types import SimpleNamespace

import pytest

from textgen_core.config.resolve import configure
from textgen_core.errors import ConfigurationError
from textgen_core.models import devices
from textgen_core.pipeline.precision import (
    in_precision,
    precision_here,
    precision_to_read,
    precision_to_resume,
)
from textgen_core.registry.discovery import discover


@pytest.fixture
def configuration():
    return configure({"model": "lstm"}, discover())


@pytest.fixture
def on_cpu(monkeypatch):
    """Pretend to be a processor with these flags, without a GPU."""
    monkeypatch.setattr(devices, "compute_capabilities", list)

    def pretend(*flags):
        monkeypatch.setattr(devices, "processor_flags", lambda: frozenset(flags))

    return pretend


def recorded(tmp_path, precision):
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({"model": {"precision": precision} if precision else {}}))
    return SimpleNamespace(manifest=manifest)


def test_a_bundled_model_trains_in_what_the_processor_computes_in(configuration, on_cpu):
    on_cpu("amx_bf16")
    assert precision_here(configuration) == "bfloat16"
    assert precision_here(in_precision(configuration, "float32")) == "float32"
    on_cpu("avx2")
    assert precision_here(configuration) == "float32"


@pytest.mark.parametrize("flags", [(), ("avx512_bf16",)])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_run_goes_on_in_the_precision_that_it_began_in(
    configuration, on_cpu, flags, precision, tmp_path
):
    on_cpu(*flags)
    run = recorded(tmp_path, precision)
    assert precision_to_resume(run, configuration) == precision
    asked = in_precision(configuration, "float32")
    assert precision_to_resume(run, asked) == "float32"  # and the manifest's check refuses that


def test_a_run_of_float16_cannot_go_on_without_a_gpu(configuration, on_cpu, tmp_path):
    on_cpu()
    with pytest.raises(ConfigurationError, match="float16 without a GPU"):
        precision_to_resume(recorded(tmp_path, "float16"), configuration)


@pytest.mark.parametrize("trained", ["bfloat16", "float32", "float16", None])
@pytest.mark.parametrize("flags", [(), ("amx_bf16",)])
def test_on_a_processor_a_model_is_used_in_float32_as_programs_compute(
    configuration, on_cpu, flags, trained, tmp_path
):
    on_cpu(*flags)
    assert precision_to_read(recorded(tmp_path, trained), configuration) == "float32"


@pytest.mark.parametrize(
    ("trained", "read"),
    [("bfloat16", "bfloat16"), ("float32", "float32"), ("float16", "float32"), (None, "bfloat16")],
)
def test_on_a_gpu_a_model_is_used_in_the_precision_of_its_training_or_in_float32(
    configuration, monkeypatch, trained, read, tmp_path
):
    monkeypatch.setattr(devices, "compute_capabilities", lambda: [(8, 0)])
    assert precision_to_read(recorded(tmp_path, trained), configuration) == read
