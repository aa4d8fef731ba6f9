"""The scripts of the guide to several machines, run as far as they can be here."""

import ast
import importlib.util
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import textgen_core
from textgen_core.pipeline.api import run as pipeline_run
from textgen_core.training.workers.cluster import cluster_from

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "workers.md"

# In place of the command: notes what it was given, and ends as the file of the attempt says.
TEXTGEN = """#!{python}
import json, os, pathlib, sys
folder = pathlib.Path({folder!r})
told = {{name: os.environ[name] for name in os.environ if name.startswith(("SLURM_", "TF_"))}}
with (folder / "calls").open("a") as file:
    file.write(json.dumps([sys.argv[1:], told]) + "\\n")
if not (folder / "codes").exists():
    sys.exit()
code = int((folder / "codes").read_text().split()[int(os.environ["ATTEMPT"])])
sys.exit(75 if code > 130 and told.get("SLURM_PROCID") == "1" else code)
"""

# In place of srun: a step of two nodes with a task on each; the worst exit code counts.
SRUN = """#!/bin/bash
while [[ "$1" == --* ]]; do shift; done
export ATTEMPT=$(cat "{folder}/attempt" 2>/dev/null || echo 0)
echo $((ATTEMPT + 1)) > "{folder}/attempt"
export SLURM_STEP_NUM_TASKS=2 SLURM_STEP_NODELIST="node[7-8]" SLURM_STEP_TASKS_PER_NODE="1(x2)"
worst=0
for task in 0 1; do
  code=0
  SLURM_PROCID=$task SLURM_NODEID=$task SLURM_LOCALID=0 "$@" || code=$?
  if [ $code -gt $worst ]; then worst=$code; fi
done
exit $worst
"""


def blocks(language):
    """Return the blocks of the guide in a language, in their order."""
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE.read_text("utf-8"), re.DOTALL | re.M)


@pytest.fixture
def simulated(tmp_path):
    """Return a folder that stands for a cluster, and the environment of its programs."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, text in (("textgen", TEXTGEN), ("srun", SRUN)):
        text = text.format(folder=str(tmp_path), python=sys.executable)
        (programs / name).write_text(text, encoding="utf-8")
        (programs / name).chmod(0o755)
    path = f"{programs}:/usr/bin:/bin"
    return tmp_path, {"PATH": path, "HOME": str(tmp_path), "SLURM_SUBMIT_DIR": str(tmp_path)}


def calls(folder):
    return [json.loads(line) for line in (folder / "calls").read_text("utf-8").splitlines()]


def batch_script():
    (script,) = [block for block in blocks("bash") if "#SBATCH" in block]
    return script


def submit(folder, environment, codes):
    """Run the batch script; textgen ends with these codes, one for each attempt.

    A signal ends one task alone, and the other loses it.
    """
    (folder / "codes").write_text(" ".join(map(str, codes)))
    environment = {**environment, "SLURM_JOB_ID": "41", "SLURM_CPUS_PER_TASK": "8"}
    command = ["bash", "-c", batch_script()]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_by_hand_each_machine_is_told_who_it_is(simulated):
    folder, environment = simulated
    by_hand = [block for block in blocks("bash") if "export TF_CONFIG" in block]
    for block in by_hand:
        subprocess.run(["bash", "-euc", block], env=environment, check=True)
    first, second = calls(folder)
    assert first[0] == second[0]
    assert first[0][0] == "run"
    assert "--out" in first[0]
    clusters = [cluster_from(told) for _, told in (first, second)]
    assert [each.rank for each in clusters] == [0, 1]
    assert clusters[0].addresses == clusters[1].addresses == ("a:2222", "b:2222")


def test_the_batch_script_makes_each_task_a_worker(simulated):
    folder, environment = simulated
    done = submit(folder, environment, [0])
    assert (done.returncode, done.stderr) == (0, "")
    commands, told = zip(*calls(folder), strict=True)
    assert commands[0] == commands[1]
    clusters = [cluster_from(each) for each in told]
    assert [(each.rank, each.size) for each in clusters] == [(0, 2), (1, 2)]
    assert [each.partition(":")[0] for each in clusters[0].addresses] == ["node7", "node8"]


@pytest.mark.parametrize(
    ("codes", "attempts", "code"),
    [([75, 137, 0], 3, 0), ([130], 1, 130), ([2], 1, 2), ([75] * 9, 4, 75)],
    ids=["lost and killed", "interrupted", "refused", "lost too often"],
)
def test_the_batch_script_starts_again_where_a_worker_was_lost(simulated, codes, attempts, code):
    folder, environment = simulated
    assert submit(folder, environment, codes).returncode == code
    assert len(calls(folder)) == 2 * attempts


def test_the_batch_script_asks_slurm_for_what_it_knows():
    options = dict(re.findall(r"^#SBATCH --([a-z-]+)(?:=(\S+))?$", batch_script(), re.M))
    assert len(options) == batch_script().count("#SBATCH")
    assert set(options) == {
        *("job-name", "nodes", "ntasks-per-node", "cpus-per-task", "time"),
        *("signal", "requeue", "open-mode"),
    }
    assert re.fullmatch(r"TERM@\d+", options["signal"])  # to the tasks, without `B:`


def manifest():
    yaml = pytest.importorskip("yaml", reason="PyYAML reads the manifest")
    (text,) = blocks("yaml")
    return list(yaml.safe_load_all(text))


def test_the_manifest_names_things_alike_where_they_have_to_be():
    service, job = manifest()
    spec = job["spec"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    environment = {each["name"]: each["value"] for each in container["env"]}
    assert (service["kind"], job["kind"]) == ("Service", "Job")
    assert service["spec"]["clusterIP"] == "None"  # a name for each pod
    assert pod["subdomain"] == service["metadata"]["name"]
    assert service["spec"]["selector"] == {"job-name": job["metadata"]["name"]}
    assert spec["completionMode"] == "Indexed"
    assert spec["completions"] == spec["parallelism"] == int(environment["WORKERS"])
    assert service["spec"]["ports"] == [{"port": container["ports"][0]["containerPort"]}]
    assert {each["name"] for each in container["volumeMounts"]} == {
        each["name"] for each in pod["volumes"]
    }


def test_every_pod_finds_out_who_it_is(simulated):
    folder, environment = simulated
    service, job = manifest()
    (container,) = job["spec"]["template"]["spec"]["containers"]
    count = job["spec"]["completions"]
    for index in range(count):
        given = {"WORKERS": str(count), "JOB_COMPLETION_INDEX": str(index), **environment}
        command = [*container["command"], *container["args"]]
        subprocess.run(command, env=given, check=True)
    clusters = [cluster_from(told) for _, told in calls(folder)]
    assert [each.rank for each in clusters] == list(range(count))
    names = [f"{job['metadata']['name']}-{index}" for index in range(count)]
    port = service["spec"]["ports"][0]["port"]
    expected = tuple(f"{name}.{service['metadata']['name']}:{port}" for name in names)
    assert {each.addresses for each in clusters} == {expected}


def ray_script():
    (script,) = [block for block in blocks("python") if "ray" in block]
    return script


def test_ray_takes_ten_lines():
    assert len([line for line in ray_script().splitlines() if line.strip()]) <= 10
    ast.parse(ray_script())


def test_what_ray_calls_is_a_run(monkeypatch):
    called = []
    monkeypatch.setattr(textgen_core, "run", lambda *given, **named: called.append((given, named)))
    signature = inspect.signature(pipeline_run)
    (train,) = [each for each in ast.parse(ray_script()).body if isinstance(each, ast.FunctionDef)]
    names = {}
    exec(compile(ast.Module([train], []), "guide", "exec"), names)
    names["train"]({})
    ((given, named),) = called
    assert "out" in signature.bind(*given, **named).arguments


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")
def test_what_the_script_imports_from_ray_is_there():
    for node in ast.walk(ast.parse(ray_script())):
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module)
            assert all(hasattr(module, each.name) for each in node.names)


def test_the_forecast_of_the_guide_is_that_of_its_command():
    (command,) = re.findall(
        r"^python (tests/benchmarks/several_workers\.py .*)$", GUIDE.read_text("utf-8"), re.M
    )
    done = subprocess.run(
        [sys.executable, *command.split()],
        cwd=GUIDE.parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() in GUIDE.read_text("utf-8")
