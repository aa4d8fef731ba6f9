"""What several workers are refused before anything starts; who trains alone knows of none."""

import json

import pytest
from cli.in_process import refuse_tensorflow, run_here

from textgen_core.models.cores import THREADS, all_cores, cores

TWO = json.dumps({"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 1}})


@pytest.fixture
def refused(monkeypatch, capsys, tmp_path):
    """A command that fails before TensorFlow is needed, and leaves no run behind."""
    refuse_tensorflow(monkeypatch)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "book.txt").write_text("A line.\n" * 500)

    def run(*arguments):
        result = run_here(monkeypatch, capsys, "run", "book.txt", *arguments)
        assert not (tmp_path / "runs").exists()
        assert "Traceback" not in result.stderr
        assert len(result.stderr.splitlines()) <= 4
        return result.returncode, result.stderr

    return run


def test_a_batch_that_has_no_row_for_each_worker(refused):
    code, said = refused("--workers", "3", "--batch-size", "2")
    assert code == 2
    assert "A batch of 2 rows cannot be divided among 3 workers" in said


@pytest.mark.parametrize("workers", [(), ("--workers", "1")])
def test_restarts_without_workers(refused, workers):
    code, said = refused("--restarts", "2", *workers)
    assert (code, "without workers" in said) == (2, True)


def test_workers_of_a_process_that_is_a_worker(refused, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", TWO)
    code, said = refused("--workers", "2")
    assert (code, "one of 2 workers already" in said) == (2, True)


def test_a_worker_that_does_not_know_the_directory_of_the_run(refused, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", TWO)
    code, said = refused()
    assert (code, "--out DIR" in said) == (2, True)


def test_a_tf_config_that_says_nothing(refused, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", "{")
    code, said = refused("--out", "x")
    assert (code, "TF_CONFIG is no JSON" in said) == (2, True)


def test_fewer_gpus_than_workers(refused, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    code, said = refused("--workers", "3")
    assert (code, "here are 2 GPUs" in said) == (2, True)


def test_workers_divide_cores_and_gpus(monkeypatch):
    from textgen_core.pipeline.supervising import Workers

    monkeypatch.delenv(THREADS, raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6")
    share = str(max(1, all_cores() // 2))
    told = Workers(count=2).environment(1)
    assert told == {THREADS: share, "CUDA_VISIBLE_DEVICES": "6"}
    monkeypatch.setenv(THREADS, share)
    assert cores() == int(share)
