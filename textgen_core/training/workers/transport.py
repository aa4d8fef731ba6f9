"""What workers exchange: one flat vector, of which each gets the sum over all.

TensorFlow's `MultiWorkerMirroredStrategy` carries it, as transport and nothing else: model and
optimizer are built outside of its scope. It knows nothing of what is in a vector.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from textgen_core.errors import WorkerLost, WorkersError, reason_of
from textgen_core.training.workers.health import notice_soon, stop_asking

if TYPE_CHECKING:
    from textgen_core.training.workers.cluster import Cluster

_UNREACHABLE = (
    *(tf.errors.UnavailableError, tf.errors.FailedPreconditionError, tf.errors.AbortedError),
    *(tf.errors.DeadlineExceededError, tf.errors.CancelledError),
)
_CHUNK = 2**21  # numbers that are sent at once: 8 MB
_BLOCK = 2**12  # to a multiple of which texts are filled up: each length is compiled anew


class Collective(ABC):
    """Several workers, each of which calls the same methods in the same order.

    rank: which one this is, from 0, the first worker; size: how many there are.
    """

    rank: int
    size: int

    @abstractmethod
    def sum(self, vector: Any) -> Any:
        """Return the sum over all workers of float32 `(n,)`, the same to the bit in each.

        Raises:
            WorkerLost: another worker is gone.
        """

    def close(self) -> None:
        """Exchange nothing any more: the others may end."""
        return

    def gather(self, told: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return what each worker tells, by rank: plain values, as JSON holds them."""
        own = np.frombuffer(json.dumps(dict(told)).encode(), np.uint8)
        lengths = np.zeros(self.size, np.float32)
        lengths[self.rank] = len(own)
        sizes = np.asarray(self.sum(lengths)).astype(int)
        text = np.zeros(-(-sizes.sum() // _BLOCK) * _BLOCK, np.float32)
        begin = sizes[: self.rank].sum()
        text[begin : begin + len(own)] = own
        whole = np.asarray(self.sum(text)).astype(np.uint8).tobytes()
        ends = np.cumsum(sizes)
        return [json.loads(whole[end - size : end]) for end, size in zip(ends, sizes, strict=True)]

    def from_first(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return the first worker's arrays, to the bit; the others' have their shapes and dtypes.

        Halves of 16 bits are sent as numbers: a sum of floats would not keep every bit of a zero.
        """
        raw = [np.ascontiguousarray(each).reshape(-1).view(np.uint8) for each in arrays]
        found = self._bytes_from_first(np.concatenate(raw))
        ends = np.cumsum([len(each) for each in raw])
        parts = np.split(found, ends[:-1])
        return [
            part.copy().view(each.dtype).reshape(each.shape)
            for part, each in zip(parts, arrays, strict=True)
        ]

    def _bytes_from_first(self, raw: np.ndarray) -> np.ndarray:
        chunks = -(-len(raw) // (2 * _CHUNK))
        halves = np.zeros(chunks * _CHUNK, np.uint16)
        halves.view(np.uint8)[: len(raw)] = raw
        for chunk in np.split(halves, chunks):
            sent = chunk.astype(np.float32) * (self.rank == 0)
            chunk[:] = np.asarray(self.sum(sent)).astype(np.uint16)
        return halves.view(np.uint8)[: len(raw)]


class MirroredCollective(Collective):
    """Workers that TensorFlow connects, each on a machine, or on a GPU, of its own."""

    def __init__(self, rank: int, size: int, strategy: Any) -> None:
        self.rank, self.size = rank, size
        self._strategy = strategy
        # By length: of one function that is traced for several, TensorFlow warns.
        self._sums: dict[int, Any] = {}

    def sum(self, vector: Any) -> Any:
        """Return the sum over all workers of float32 `(n,)`, the same to the bit in each."""
        try:
            vector = tf.convert_to_tensor(vector, tf.float32)
            summed = self._sum_of(len(vector))(vector)
            tf.debugging.assert_rank(summed, 1)
        except (tf.errors.OpError, RuntimeError) as error:
            cause = reason_of(error)[:200].rstrip(".")
            raise WorkerLost(
                f"Worker {self.rank} of {self.size} has lost the others: {cause}.",
                advice="Start all of them again: they go on from the newest checkpoint.",
            ) from error
        return summed

    def close(self) -> None:
        """Exchange nothing any more: the others may end."""
        stop_asking(self._strategy)

    def _sum_of(self, length: int) -> Any:
        """Return the compiled sum of vectors of a length."""
        if length not in self._sums:

            def reduced(own: Any) -> Any:
                # Without the identity TensorFlow knows no device to leave the sum on.
                context = tf.distribute.get_replica_context()
                return context.all_reduce(tf.distribute.ReduceOp.SUM, tf.identity(own))

            def summed(vector: Any) -> Any:
                return self._strategy.run(reduced, args=(vector,))

            self._sums[length] = tf.function(summed, autograph=False)
        return self._sums[length]


def connect(cluster: Cluster) -> Collective:
    """Return the connection of a worker to all others, once all of them are there.

    To be called before TensorFlow is used for anything else in this process.

    Args:
        cluster: the addresses of the workers, and which one this is.

    Returns:
        The collective that all of them share.

    Raises:
        WorkerLost: the others cannot be reached, or are of another start.
        WorkersError: TensorFlow cannot serve at this worker's address, or sees several GPUs.
    """
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({"worker": list(cluster.addresses)}),
        task_type="worker",
        task_id=cluster.rank,
        rpc_layer="grpc",
    )
    notice_soon()
    try:
        strategy = tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=resolver)
    except _UNREACHABLE as error:
        raise WorkerLost(
            f"Worker {cluster.rank} of {cluster.size} cannot reach the others: "
            f"{reason_of(error)[:200].rstrip('.')}.",
            advice="Start all of them again.",
        ) from error
    except (tf.errors.OpError, RuntimeError) as error:
        cause = str(error).partition("\n")[0][:200].rstrip(".")
        raise WorkersError(
            f"Worker {cluster.rank} cannot serve at {cluster.addresses[cluster.rank]}: {cause}.",
            "Allowed: an address of this machine, with a port that nobody uses.",
        ) from error
    if strategy.num_replicas_in_sync != cluster.size:
        raise WorkersError(
            f"Worker {cluster.rank} sees {strategy.num_replicas_in_sync // cluster.size} GPUs.",
            "Allowed: one worker for each GPU.",
            "Start more workers, and give each its own: CUDA_VISIBLE_DEVICES=0, 1, ...",
        )
    return MirroredCollective(cluster.rank, cluster.size, strategy)
