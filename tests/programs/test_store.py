"""What is kept as a program: whole, of this user, the most recently used; and never an error."""

import errno
import os
import secrets
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from textgen_core.programs import store
from textgen_core.runs import cache, files
from textgen_core.runs.cache import cache_note

KEY, OTHER = "a" * 64, "b" * 64
ANOTHER = 12_345  # a user's id


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The folder of programs, which nobody has made yet, in a cache of which nothing was said."""
    monkeypatch.setenv("TEXTGEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "_said", set())
    monkeypatch.setattr(cache, "_unsaid", [])
    return tmp_path / "cache" / "programs"


def path_of(key):
    [found] = Path(os.environ["TEXTGEN_CACHE"]).rglob(f"{key}.program")
    return found


def use(key, seconds_ago):
    then = time.time() - seconds_ago
    os.utime(path_of(key), (then, then))


def test_what_was_kept_is_found_under_its_key_alone(folder):
    assert store.find(KEY) is None
    assert not folder.parent.exists()
    store.keep(KEY, b"program")
    assert store.find(KEY) == b"program"
    assert store.find(OTHER) is None
    store.keep(KEY, b"another")
    assert store.find(KEY) == b"another"
    assert len(list(folder.iterdir())) == 1
    assert cache_note() == ""


def test_a_refusal_is_found_with_its_reason_and_is_no_program():
    store.keep_refusal(KEY, "it uses tf.py_function: “no”")
    assert store.find_refusal(KEY) == "it uses tf.py_function: “no”"
    assert store.find(KEY) is None
    assert store.find_refusal(OTHER) is None


def test_without_a_key_nothing_is_kept(folder):
    store.keep(None, b"program")
    store.keep_refusal(None, "why")
    assert store.find(None) is store.find_refusal(None) is None
    assert not folder.exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: whole[:-1] + bytes([whole[-1] ^ 1]),
        lambda whole: bytes([whole[0] ^ 128]) + whole[1:],
        lambda whole: whole[:-1],
        lambda whole: whole[:20],
        lambda whole: whole + b"\0",
        lambda whole: b"",
        lambda whole: b"\xff" * 8 + whole[8:],
    ],
    ids=["a flipped bit", "in its digest", "cut off", "all but cut off", "longer", "empty", "head"],
)
def test_a_damaged_file_is_absent_and_removed(damage):
    store.keep(KEY, b"program" * 100)
    path = path_of(KEY)
    path.write_bytes(damage(path.read_bytes()))
    assert store.find(KEY) is None
    assert not path.exists()
    store.keep(KEY, b"again")
    assert store.find(KEY) == b"again"


def test_a_file_under_the_name_of_another_key_is_damaged():
    store.keep(KEY, b"program")
    path_of(KEY).rename(path_of(KEY).with_name(f"{OTHER}.program"))
    assert store.find(OTHER) is None


def test_two_processes_may_keep_the_same_program_at_once(folder):
    code = """
import sys, time
from textgen_core.programs import store
content = sys.argv[2].encode() * 1_000_000
print(flush=True)
sys.stdin.readline()
for _ in range(20):
    store.keep(sys.argv[1], content)
    found = store.find(sys.argv[1])
    assert found is not None and len(found) == 1_000_000 and len(set(found)) == 1
"""
    both = [
        subprocess.Popen(
            [sys.executable, "-c", code, KEY, letter],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for letter in "xy"
    ]
    for each in both:
        each.stdout.readline()
    for each in both:
        each.stdin.write(b"\n")
        each.stdin.flush()
    assert [each.communicate(timeout=60)[1] for each in both] == [b"", b""]
    assert store.find(KEY) in (b"x" * 1_000_000, b"y" * 1_000_000)
    assert [each.name for each in folder.iterdir()] == [f"{KEY}.program"]


def test_a_process_that_is_killed_while_it_writes_leaves_nothing_to_find(folder):
    code = """
import os, signal, sys
from textgen_core.programs import store
from textgen_core.runs import files
files.flush = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
store.keep(sys.argv[1], b"half")
"""
    killed = subprocess.run([sys.executable, "-c", code, KEY], check=False)
    assert killed.returncode == -signal.SIGKILL
    [left] = folder.iterdir()
    assert store.find(KEY) is None
    store.keep(OTHER, b"program")
    assert left.exists()  # whoever writes it may still be there
    os.utime(left, (1, 1))
    store.keep(OTHER, b"program")
    assert not left.exists()


def test_a_full_disk_keeps_nothing_which_is_said_once(folder, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files, "flush", full)
    store.keep(KEY, b"program")
    store.keep(OTHER, b"program")
    store.keep_refusal(OTHER, "why")
    assert store.find(KEY) is None
    assert list(folder.iterdir()) == []
    assert "No space left on device" in cache_note()
    assert cache_note() == ""


@pytest.mark.parametrize("named", ["/proc/nobody/cache", "/dev/null/cache", "~nobody-at-all/cache"])
def test_a_folder_that_cannot_be_made_keeps_nothing(named, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TEXTGEN_CACHE", named)
    assert store.find(KEY) is None
    store.keep(KEY, b"program")
    assert store.find(KEY) is None
    assert "TEXTGEN_CACHE" in cache_note()
    assert list(tmp_path.iterdir()) == []


def test_without_a_home_nothing_is_kept(monkeypatch):
    monkeypatch.setattr(store, "cache_directory", lambda: None)
    monkeypatch.setattr(cache, "cache_directory", lambda: None)
    store.keep(KEY, b"program")
    assert store.find(KEY) is None
    assert "no such home directory" in cache_note()


def test_a_read_only_folder_is_read_and_not_written(folder, monkeypatch):
    store.keep(KEY, b"program")
    use(KEY, 100)

    def refuse(*arguments, **keywords):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    for function in ("mkdir", "utime", "unlink"):  # modes forbid root nothing
        monkeypatch.setattr(os, function, refuse)
    monkeypatch.setattr(os, "open", refuse_to_write(os.open))
    store.keep(OTHER, b"program")
    assert "Read-only file system" in cache_note()
    assert store.find(KEY) == b"program"
    path = folder / f"{KEY}.program"
    path.write_bytes(b"damaged")
    assert store.find(KEY) is None


def refuse_to_write(opening):
    def refuse(path, flags, *mode, **keywords):
        if flags & (os.O_WRONLY | os.O_RDWR):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return opening(path, flags, *mode, **keywords)

    return refuse


def test_a_folder_to_which_others_write_is_neither_read_nor_written(folder):
    store.keep(KEY, b"program")
    folder.chmod(0o777)
    assert store.find(KEY) is None
    store.keep(KEY, b"own")
    assert store.find(KEY) == b"own"
    [own] = folder.parent.glob("of-*/programs")
    assert stat.S_IMODE(own.parent.stat().st_mode) == 0o700
    own.parent.joinpath("programs").chmod(0o770)
    assert store.find(KEY) is None
    store.keep(OTHER, b"program")
    assert "belongs to other users" in cache_note()
    assert store.find(OTHER) is None


def test_new_folders_and_files_are_safe_whatever_the_umask(folder):
    before = os.umask(0)
    try:
        store.keep(KEY, b"program")
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    assert stat.S_IMODE(path_of(KEY).stat().st_mode) == 0o644
    assert store.find(KEY) == b"program"


def test_a_link_in_place_of_the_folder_is_not_followed(folder, tmp_path):
    store.keep(KEY, b"program")
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    assert store.find(KEY) is None


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("given", ["file", "folder"])
def test_what_another_user_has_put_there_is_never_read(folder, given):
    store.keep(KEY, b"program")
    os.chown(path_of(KEY) if given == "file" else folder, ANOTHER, ANOTHER)
    assert store.find(KEY) is None
    store.keep(KEY, b"own")
    if given == "folder":
        assert (folder / f"{KEY}.program").exists()
    assert store.find(KEY) == b"own"


def test_what_was_used_longest_ago_goes_first(monkeypatch):
    monkeypatch.setattr(store, "LIMIT", 3_500)
    keys = [secrets.token_hex(32) for _ in range(5)]
    for age, key in enumerate(keys[:3]):
        store.keep(key, bytes(1_000))
        use(key, 1_000 - age)
    assert store.find(keys[0]) is not None  # now the second is the oldest
    store.keep(keys[3], bytes(1_000))
    assert [store.find(key) is not None for key in keys] == [True, False, True, True, False]
    store.keep(keys[4], bytes(5_000))  # larger than the limit
    assert [store.find(key) is not None for key in keys] == [False, False, False, False, True]


def test_what_cannot_be_removed_is_passed_over(monkeypatch):
    monkeypatch.setattr(store, "LIMIT", 100)
    store.keep(KEY, bytes(80))

    def gone(*arguments, **keywords):
        raise FileNotFoundError(errno.ENOENT, "it was removed meanwhile")

    monkeypatch.setattr(Path, "unlink", gone)
    store.keep(OTHER, bytes(80))
    assert store.find(OTHER) == bytes(80)
