"""Which worker a process is, by its environment: TF_CONFIG, and a step of SLURM."""

import json

import pytest

from textgen_core.errors import UsageError
from textgen_core.training.workers.cluster import Cluster, cluster_from

TWO = ["a:2222", "b:2222"]
SLURM = {
    "SLURM_JOB_ID": "7",
    "SLURM_PROCID": "3",
    "SLURM_STEP_NUM_TASKS": "5",
    "SLURM_STEP_NODELIST": "n[9-10],m5",
    "SLURM_STEP_TASKS_PER_NODE": "2(x2),1",
}


def tf_config(cluster, kind="worker", index=1):
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})}


def test_tf_config_says_rank_and_addresses():
    assert cluster_from(tf_config({"worker": TWO})) == Cluster(1, 2, ("a:2222", "b:2222"))


def test_a_chief_is_the_first_worker():
    jobs = {"chief": ["c:1"], "worker": TWO}
    assert cluster_from(tf_config(jobs, "chief", 0)).is_first
    assert cluster_from(tf_config(jobs)) == Cluster(2, 3, ("c:1", "a:2222", "b:2222"))


def test_what_a_cluster_says_is_read_as_the_same_cluster():
    cluster = Cluster(1, 2, ("a:2222", "b:2222"))
    assert cluster_from({"TF_CONFIG": cluster.as_tf_config()}) == cluster


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"TF_CONFIG": ""},
        {"TF_CONFIG": "{}"},
        tf_config({"worker": ["a:1"]}, index=0),
        {"SLURM_PROCID": "0", "SLURM_NTASKS": "4"},  # the batch script itself
        {**SLURM, "SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "1"},  # srun --pty
    ],
)
def test_one_process_is_alone(environment):
    assert cluster_from(environment) is None


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"TF_CONFIG": "{"}, "no JSON"),
        ({"TF_CONFIG": "[1]"}, "lacks what"),
        ({"TF_CONFIG": json.dumps({"cluster": {"worker": TWO}})}, "'task'"),
        (tf_config({"worker": TWO}, index=2), "worker 2, and there is no address"),
        (tf_config({"worker": TWO}, index=-1), "worker -1"),
        (tf_config({"worker": TWO, "ps": ["p:1"]}), "the job 'ps'"),
        (tf_config({"worker": TWO}, "evaluator", 0), "the job 'evaluator'"),
        (tf_config({"worker": ["a", "b:1"]}), "the address 'a'"),
        (tf_config({"worker": ["a:99999", "b:1"]}), "'a:99999'"),
        (tf_config({"worker": ["a:1", "a:1"]}), "a:1 to two workers"),
        ({**SLURM, "SLURM_STEP_NODELIST": "n[9-"}, "n[9-"),
        ({**SLURM, "SLURM_STEP_TASKS_PER_NODE": "2"}, "cannot be understood"),
        ({**SLURM, "SLURM_PROCID": "5"}, "task 5 of 5"),
        ({**SLURM, "SLURM_LOCALID": "0", "SLURM_NODEID": "0"}, "number 0 on n9"),
        ({**SLURM, "SLURM_NODEID": "7"}, "cannot be understood"),
    ],
)
def test_what_cannot_be_understood_is_a_usage_error_of_three_lines(environment, said):
    with pytest.raises(UsageError) as caught:
        cluster_from(environment)
    assert said in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 3


def test_a_step_of_slurm_is_a_cluster_in_the_order_of_its_nodes():
    addresses = ("n9:10448", "n9:10449", "n10:10448", "n10:10449", "m5:10448")
    assert cluster_from(SLURM) == Cluster(3, 5, addresses)
    assert cluster_from({**SLURM, "SLURM_NODEID": "1", "SLURM_LOCALID": "1"}).rank == 3


def test_tf_config_is_asked_before_slurm():
    assert cluster_from({**SLURM, **tf_config({"worker": TWO})}).size == 2


def test_tensorflows_resolver_agrees_where_names_are_sorted_alike(monkeypatch):
    import tensorflow as tf

    environment = {**SLURM, "SLURM_STEP_NODELIST": "n[08-10]"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(
        port_base=10448, gpus_per_node=2, gpus_per_task=1, auto_set_gpu=False
    )
    cluster = cluster_from(environment)
    assert resolver.cluster_spec().as_dict() == {"worker": list(cluster.addresses)}
    assert resolver.task_id == cluster.rank
