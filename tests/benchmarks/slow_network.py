"""Machines in a slow network, on one machine that has no such network: Linux, without root.

Each machine is a network namespace with one interface, a TAP device. Its other end is held by a
thread here, the switch: a frame leaves its sender no sooner than the bandwidth allows, and arrives
after the latency. It needs `unshare` (util-linux) and `ip` (iproute2), no module of the kernel but
TUN. `enter` starts the program again within namespaces of its own, where it may make others.
"""

from __future__ import annotations

import contextlib
import fcntl
import heapq
import itertools
import os
import select
import shutil
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

INSIDE = "TEXTGEN_BENCHMARK_NETWORK"  # set in a program that was started again
MTU = 9000  # few large frames: each costs this thread some microseconds
QUEUED = 0.25  # seconds that a frame may wait to be sent; others are lost, as in any switch
_TUNSETIFF, _TAP, _NO_HEADER = 0x400454CA, 0x0002, 0x1000


def enter() -> None:
    """Start this program again where it may make networks; return in the one that was started.

    Raises SystemExit with its status in the other, or with what is missing.
    """
    if os.environ.get(INSIDE):
        return
    if missing := [name for name in ("unshare", "ip") if not shutil.which(name)]:
        raise SystemExit(f"A slow network needs {' and '.join(missing)}, which is not here.")
    command = ["unshare", "--map-root-user", "--net", "--mount", sys.executable, *sys.argv]
    raise SystemExit(
        subprocess.run(command, env={**os.environ, INSIDE: "1"}, check=False).returncode
    )


class SlowNetwork:
    """So many machines, with addresses from 10.77.0.1 on, and the switch between them."""

    def __init__(self, machines: int, *, bandwidth: float, latency: float) -> None:
        """Make them; bandwidth: bytes a second, latency: seconds, in one direction each."""
        self.addresses = [f"10.77.0.{number + 1}" for number in range(machines)]
        self._bandwidth, self._latency = bandwidth, latency
        self._taps = [_open_tap(f"tap{number}") for number in range(machines)]
        self.frames = self.lost = 0
        # Names of namespaces are files here.
        _run("mount", "-t", "tmpfs", "tmpfs", "/run")
        for number in range(machines):
            self._make_machine(number)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._forward, daemon=True)
        self._thread.start()

    def command(self, machine: int, command: Sequence[str]) -> list[str]:
        """Return the command that runs another one on a machine, counted from 0."""
        return ["ip", "netns", "exec", f"machine{machine}", *command]

    def close(self) -> None:
        """End the switch; the namespaces go with this process."""
        self._ended.set()
        self._thread.join()
        for tap in self._taps:
            os.close(tap)

    def _make_machine(self, number: int) -> None:
        name, device = f"machine{number}", f"tap{number}"
        _run("ip", "netns", "add", name)
        _run("ip", "link", "set", device, "address", f"02:00:00:00:00:{number:02x}")
        _run("ip", "link", "set", device, "mtu", str(MTU), "txqueuelen", "1000", "netns", name)
        within = ("ip", "-n", name)
        _run(*within, "link", "set", "lo", "up")
        _run(*within, "address", "add", f"{self.addresses[number]}/24", "dev", device)
        _run(*within, "link", "set", device, "up")

    def _forward(self) -> None:
        """Take frames, and give each to whom it is for once it is due."""
        waiting: list[tuple[float, int, int, bytes]] = []
        order, free = itertools.count(), [0.0] * len(self._taps)
        while not self._ended.is_set():
            due = waiting[0][0] - time.monotonic() if waiting else 0.05
            ready, _, _ = select.select(self._taps, [], [], max(0.0, min(due, 0.05)))
            for tap in ready:
                with contextlib.suppress(BlockingIOError):
                    sender, frame = self._taps.index(tap), os.read(tap, MTU + 64)
                    at = max(free[sender], time.monotonic())
                    if at - time.monotonic() > QUEUED:
                        self.lost += 1
                        continue
                    free[sender] = at + len(frame) / self._bandwidth
                    self.frames += 1
                    for receiver in self._receivers(sender, frame):
                        arrives = free[sender] + self._latency
                        heapq.heappush(waiting, (arrives, next(order), receiver, frame))
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, receiver, frame = heapq.heappop(waiting)
                with contextlib.suppress(OSError):  # its queue is full, or it is not up yet
                    os.write(self._taps[receiver], frame)

    def _receivers(self, sender: int, frame: bytes) -> list[int]:
        if frame[:5] == b"\x02\0\0\0\0" and frame[5] < len(self._taps):
            return [frame[5]]
        return [each for each in range(len(self._taps)) if each != sender]  # to all: who is where


def _open_tap(name: str) -> int:
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tap, _TUNSETIFF, struct.pack("16sH", name.encode(), _TAP | _NO_HEADER))
    return tap


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
