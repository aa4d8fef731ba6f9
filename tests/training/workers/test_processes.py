"""Real workers, started in every way, killed and stopped: the same weights, to the bit."""

import os
import random
import shutil
import signal
import subprocess
import time

import pytest
from training.resuming import API, MODELS, differences, last_step, write_corpus
from training.workers_faults import OF_THE_RUN, SUPERVISED, command, run_alone, run_disturbed

import textgen_core as textgen
from textgen_core.models.cores import THREADS

SHARE = {THREADS: str(max(1, len(os.sched_getaffinity(0)) // 2))}  # as the supervisor divides


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_corpus(tmp_path_factory.mktemp("workers") / "text.txt")


@pytest.fixture(scope="module")
def alone(corpus):
    """A run of two workers that nobody disturbed."""
    out = corpus.parent / "alone"
    run_alone(corpus, out)
    return out


def test_workers_killed_the_first_too_end_with_the_same_weights(corpus, alone, tmp_path):
    seed = random.SystemRandom().randrange(10**6)
    print(f"random.Random({seed})")
    out = tmp_path / "killed"
    said = run_disturbed(corpus, out, [1, 0], signal.SIGKILL, random.Random(seed))
    assert "ended by SIGKILL" in said
    assert differences(alone, out) == []


def test_a_step_of_slurm_ends_with_the_same_weights(corpus, alone, tmp_path):
    out = tmp_path / "slurm"
    step = {
        "SLURM_JOB_ID": str(os.getpid()),
        "SLURM_STEP_NUM_TASKS": "2",
        "SLURM_NODEID": "0",
        "SLURM_STEP_NODELIST": "localhost",
        "SLURM_STEP_TASKS_PER_NODE": "2",
        **SHARE,
    }
    tasks = [
        subprocess.Popen(
            command(corpus, out),
            env={**os.environ, **step, "SLURM_PROCID": rank, "SLURM_LOCALID": rank},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in "10"
    ]
    errors = [each.communicate(timeout=300)[1] for each in tasks]
    assert [each.returncode for each in tasks] == [0, 0], errors
    assert differences(alone, out) == []


def test_a_ctrl_c_saves_and_the_run_goes_on_with_workers(corpus, alone, tmp_path):
    out = tmp_path / "interrupted"
    supervisor = subprocess.Popen(
        command(corpus, out, *SUPERVISED),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    while supervisor.poll() is None and last_step(out) < 10:
        time.sleep(0.05)
    supervisor.send_signal(signal.SIGINT)
    error = supervisor.communicate(timeout=300)[1]
    assert supervisor.returncode == 130, error
    assert f"textgen resume {out} --workers 2" in error
    line = [*command(corpus, out)[:3], "resume", str(out), "--workers", "2", "--quiet"]
    subprocess.run(line, check=True, stdout=subprocess.DEVNULL)
    assert differences(alone, out) == []


def test_python_trains_and_goes_on_as_the_command_does(corpus, alone, tmp_path):
    arguments = {**API, "epochs": 1, "model": MODELS["lstm"], "settings": OF_THE_RUN}
    run = textgen.run(corpus, out=tmp_path / "python", workers=2, **arguments)
    assert differences(alone, run.directory) == []

    further = textgen.resume(run.directory, steps=2, workers=2, restarts=0)
    assert last_step(further.directory) == last_step(alone) + 2
    copy = shutil.copytree(alone, tmp_path / "command")
    line = [*command(corpus, copy)[:3], "resume", str(copy), "--steps", "2", "--workers", "2"]
    line += ["--corpus", str(corpus), "--quiet"]
    subprocess.run(line, check=True, stdout=subprocess.DEVNULL)
    assert differences(copy, further.directory) == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # of Ray
def test_ray_trains_with_two_workers_and_starts_them_again(corpus, alone, tmp_path, monkeypatch):
    ray = pytest.importorskip("ray", reason="the extra ray is not installed")
    train = pytest.importorskip("ray.train")
    from ray.train.tensorflow import TensorflowTrainer

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")  # which would write a token into the home
    out, marker = tmp_path / "ray", tmp_path / "failed-once"

    def loop(config):
        import os
        import threading
        import time
        from pathlib import Path

        import textgen_core as textgen

        def die():
            while not Path(config["out"], "checkpoints").exists():
                time.sleep(0.01)
            Path(config["marker"]).touch()
            os._exit(1)

        if train.get_context().get_world_rank() == 1 and not Path(config["marker"]).exists():
            threading.Thread(target=die, daemon=True).start()
        textgen.run(config["corpus"], out=config["out"], **config["arguments"])

    arguments = {**API, "epochs": 1, "model": MODELS["lstm"], "settings": OF_THE_RUN}
    config = {"corpus": str(corpus), "out": str(out), "marker": str(marker), "arguments": arguments}
    ray.init(num_cpus=2, include_dashboard=False, runtime_env={"env_vars": SHARE})
    try:
        TensorflowTrainer(
            loop,
            train_loop_config=config,
            scaling_config=train.ScalingConfig(num_workers=2),
            run_config=train.RunConfig(
                storage_path=str(tmp_path / "results"),
                failure_config=train.FailureConfig(max_failures=2),
            ),
        ).fit()
    finally:
        ray.shutdown()
    assert marker.exists()
    assert differences(alone, out) == []
