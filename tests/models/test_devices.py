"""What follows from a machine for precision and memory."""

import os
import platform
import subprocess
import sys
from types import SimpleNamespace

import pytest
from tensorflow.python.client import device_lib

from textgen_core.errors import ConfigurationError
from textgen_core.models import devices
from textgen_core.models.devices import (
    POLICIES,
    available_memory,
    choose_precision,
    compute_capabilities,
    describe_machine,
    gpu_memory,
    grow_memory,
    keep_freed_memory,
    processor_flags,
)


@pytest.mark.parametrize(
    ("capabilities", "precision"),
    [
        ([], "float32"),
        ([(6, 1)], "float32"),
        ([(7, 0)], "float16"),
        ([(7, 5)], "float16"),
        ([(8, 0)], "bfloat16"),
        ([(9, 0)], "bfloat16"),
        ([(12, 0)], "bfloat16"),
        ([(9, 0), (7, 5)], "float16"),
        ([(8, 0), (6, 0)], "float32"),
        ([(0, 0)], "float32"),
    ],
)
def test_auto_takes_what_the_weakest_gpu_computes_in(capabilities, precision):
    assert choose_precision("auto", capabilities) == precision


@pytest.mark.parametrize(
    ("flags", "gains", "precision"),
    [
        ({"avx2", "avx512_bf16"}, True, "bfloat16"),
        ({"amx_bf16", "amx_tile"}, True, "bfloat16"),
        ({"amx_bf16"}, False, "float32"),
        ({"avx512f", "avx512_fp16"}, True, "float32"),
        ((), True, "float32"),
    ],
)
def test_auto_is_bfloat16_on_a_processor_that_computes_in_it_for_a_model_that_gains(
    flags, gains, precision
):
    assert choose_precision("auto", [], bfloat16_on_cpu=gains, flags=flags) == precision
    assert choose_precision("auto", [(6, 1)], bfloat16_on_cpu=gains, flags=flags) == "float32"


def test_what_a_processor_can_do_is_read_where_linux_says_it(tmp_path):
    path = tmp_path / "cpuinfo"
    path.write_text("processor\t: 0\nflags\t\t: fpu amx_bf16\n\nprocessor\t: 1\nflags\t: fpu\n")
    assert processor_flags(path) == {"fpu", "amx_bf16"}
    assert processor_flags(tmp_path / "none") == frozenset()


@pytest.mark.parametrize("capabilities", [[], [(6, 0)], [(9, 0)]])
@pytest.mark.parametrize("wanted", ["float32", "bfloat16"])
def test_what_is_asked_for_is_taken(wanted, capabilities):
    assert choose_precision(wanted, capabilities) == wanted


def test_float16_needs_a_gpu_and_says_what_else_there_is():
    assert choose_precision("float16", [(7, 0)]) == "float16"
    with pytest.raises(
        ConfigurationError, match=r"training\.precision cannot be float16"
    ) as caught:
        choose_precision("float16", [])
    assert "float32" in caught.value.allowed


def test_every_precision_has_a_policy_of_keras():
    assert set(POLICIES) == {"float32", "bfloat16", "float16"}


def test_the_machine_is_described_in_plain_values():
    machine = describe_machine()
    assert set(machine) == {"system", "processor", "cores", "gpus", "python"}
    assert machine["cores"] >= 1
    assert len(machine["gpus"]) == len(compute_capabilities())


def test_memory_is_let_grow_on_each_gpu_and_where_it_is_fixed_already_it_stays(monkeypatch):
    asked = []

    def set_memory_growth(device, wanted):
        asked.append((device, wanted))
        if device == "in use":
            raise RuntimeError("Physical devices cannot be modified after being initialized")

    monkeypatch.setattr(devices.tf.config, "list_physical_devices", lambda kind: ["in use", "new"])
    monkeypatch.setattr(devices.tf.config.experimental, "set_memory_growth", set_memory_growth)
    grow_memory()
    assert asked == [("in use", True), ("new", True)]


FREED_AGAIN_AND_AGAIN = """
import resource, sys
import numpy
from textgen_core.models.devices import keep_freed_memory

kept = keep_freed_memory()
count = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
numpy.ones(2**24)  # 128 MiB, written to and freed
before = count()
for _ in range(5):
    numpy.ones(2**24)
print(kept, count() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told to")
@pytest.mark.parametrize("told", [{}, {"MALLOC_ARENA_MAX": "4"}])
def test_freed_memory_is_kept_unless_the_environment_says_what_is_to_be_done_with_it(told):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_"))}
    found = subprocess.run(
        [sys.executable, "-c", FREED_AGAIN_AND_AGAIN],
        env={**environment, **told, "NUMPY_MADVISE_HUGEPAGE": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    kept, pages_met_anew = found.stdout.split()
    if told:
        assert kept == "False" and int(pages_met_anew) > 100_000
    else:
        assert kept == "True" and int(pages_met_anew) < 1_000


def test_a_library_that_cannot_be_told_is_left_as_it_is(monkeypatch):
    for name in [name for name in os.environ if name.startswith(("MALLOC_", "GLIBC_"))]:
        monkeypatch.delenv(name)
    for failing in (AttributeError, OSError, TypeError):

        def without(name, failing=failing):
            raise failing(name)

        monkeypatch.setattr(devices.ctypes, "CDLL", without)
        assert not keep_freed_memory()


# ---- memory -----------------------------------------------------------------------------------

GIB = 2**30
MEMINFO = "MemTotal: 99999999 kB\nMemAvailable:    8388608 kB\n"  # 8 GiB


def system(root, files):
    """Lay out a system's files, and return its root."""
    for name, text in {"proc/meminfo": MEMINFO, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def group(folder, limit, used, cached=0, version=2):
    """The three files of a control group under a folder of the mount."""
    names, mount = {
        2: (("memory.max", "memory.current", "inactive_file"), "sys/fs/cgroup"),
        1: (
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
            "sys/fs/cgroup/memory",
        ),
    }[version]
    at = f"{mount}/{folder}".rstrip("/")
    return {
        f"{at}/{names[0]}": f"{limit}\n",
        f"{at}/{names[1]}": f"{used}\n",
        f"{at}/memory.stat": f"anon 5\n{names[2]} {cached}\n",
    }


def test_memory_is_what_the_system_says_and_none_where_it_says_nothing(tmp_path):
    assert available_memory(tmp_path) is None
    system(tmp_path, {"proc/meminfo": "MemTotal: 8 kB\n"})
    assert available_memory(tmp_path) is None
    assert available_memory(system(tmp_path, {})) == 8 * GIB


def test_a_container_is_held_to_its_own_limit(tmp_path):
    files = {"proc/self/cgroup": "0::/\n", **group("", 2 * GIB, GIB // 2)}
    assert available_memory(system(tmp_path, files)) == 3 * GIB // 2


def test_a_job_is_held_to_the_limits_of_every_group_above_it(tmp_path):
    files = {
        "proc/self/cgroup": "0::/slice/job\n",
        **group("slice/job", "max", GIB),
        **group("slice", 3 * GIB, GIB),
        **group("other", GIB, GIB),
    }
    assert available_memory(system(tmp_path, files)) == 2 * GIB


def test_a_limit_above_what_the_system_has_left_changes_nothing(tmp_path):
    files = {"proc/self/cgroup": "0::/\n", **group("", 64 * GIB, GIB)}
    assert available_memory(system(tmp_path, files)) == 8 * GIB


def test_files_that_a_group_holds_in_memory_can_be_given_back(tmp_path):
    files = {"proc/self/cgroup": "0::/\n", **group("", 2 * GIB, 2 * GIB, cached=GIB)}
    assert available_memory(system(tmp_path, files)) == GIB
    files = {"proc/self/cgroup": "0::/\n", **group("", 2 * GIB, GIB, cached=9 * GIB)}
    assert available_memory(system(tmp_path, files)) == 2 * GIB


def test_a_group_that_holds_more_than_it_may_leaves_nothing(tmp_path):
    files = {"proc/self/cgroup": "0::/\n", **group("", GIB, 2 * GIB)}
    assert available_memory(system(tmp_path, files)) == 0


def test_version_1_has_other_names_and_a_huge_number_for_no_limit(tmp_path):
    of_group = {"proc/self/cgroup": "5:cpu,cpuacct:/a\n4:memory:/docker/ab\n0::/\n"}
    files = {**of_group, **group("docker/ab", 9223372036854771712, GIB, version=1)}
    assert available_memory(system(tmp_path, files)) == 8 * GIB
    files = {**of_group, **group("docker/ab", 3 * GIB, GIB, version=1)}
    assert available_memory(system(tmp_path, files)) == 2 * GIB


def test_in_a_container_the_path_may_be_the_hosts_and_the_mount_is_the_group(tmp_path):
    of_group = {"proc/self/cgroup": "4:memory:/docker/0123abc\n"}
    files = {**of_group, **group("", 3 * GIB, GIB, version=1)}
    assert available_memory(system(tmp_path, files)) == 2 * GIB


@pytest.mark.parametrize("text", ["", "0", "0::", "::", "nonsense", "0::/../..", "\0"])
def test_a_group_that_cannot_be_read_is_passed_over(tmp_path, text):
    assert available_memory(system(tmp_path, {"proc/self/cgroup": text})) == 8 * GIB


def test_this_machine_says_what_it_has():
    assert available_memory() > 0


class FakeGpu:
    """Stands for TensorFlow on a machine with a GPU."""

    def __init__(self, monkeypatch, limits, used):
        self.options = []
        monkeypatch.setattr(devices.tf.config, "list_physical_devices", lambda kind: limits)
        monkeypatch.setattr(
            devices.tf.config.experimental, "get_memory_info", lambda name: {"current": used}
        )
        monkeypatch.setattr(device_lib, "list_local_devices", self.list_local_devices)
        self.limits = limits

    def list_local_devices(self, options):
        self.options.append(options)
        cpu = SimpleNamespace(device_type="CPU", memory_limit=256)
        gpus = [SimpleNamespace(device_type="GPU", memory_limit=each) for each in self.limits]
        return [cpu, *gpus]


def test_on_a_gpu_its_own_memory_is_the_bound(monkeypatch, tmp_path):
    gpu = FakeGpu(monkeypatch, limits=[16 * GIB, 4 * GIB], used=GIB)
    assert gpu_memory() == 15 * GIB
    assert available_memory(system(tmp_path, {})) == 15 * GIB
    assert all(each.gpu_options.allow_growth for each in gpu.options)


def test_a_gpu_that_is_full_leaves_nothing(monkeypatch):
    FakeGpu(monkeypatch, limits=[GIB], used=2 * GIB)
    assert gpu_memory() == 0


def test_without_a_gpu_there_is_no_memory_of_one(monkeypatch):
    monkeypatch.setattr(devices.tf.config, "list_physical_devices", lambda kind: [])
    assert gpu_memory() is None
