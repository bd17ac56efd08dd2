"""Where tasks run: Ray, or the calling process.

``map`` gives results in order of completion, with a bounded number of tasks in flight. A task that fails for good stops the
job after the tasks in flight have ended, so that what they committed is not lost; its error names the shard.
"""

import dataclasses
import itertools
import logging
import os
import random
import signal
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

from corpusmill.jobs.runtime import interrupts, kernels
from corpusmill.operators.errors import ConfigError, CorpusmillError, TaskError

T = TypeVar("T", bound="Item")
R = TypeVar("R")

BASE_MEMORY = 256 << 20  # an idle worker with its libraries
BEGINNINGS = 2  # tries to start a session
OBJECT_STORE = 128 << 20  # results are small: data goes through the store


class Item(Protocol):
    """What a task works on."""

    @property
    def label(self) -> str:
        """Names the shard in errors."""

    @property
    def memory(self) -> int:
        """Bytes to reserve besides the worker's own."""

    # An item that keeps more than one processor busy says so by ``cpus``; one that needs a GPU by ``gpus``.


class Engine(Protocol):
    """Runs a function over items."""

    @property
    def workers(self) -> int:
        """How many tasks run at once."""

    def map(self, fn: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Results in order of completion."""

    def close(self) -> None:
        """Release what was started."""


@dataclasses.dataclass(slots=True)
class InlineEngine:
    """Runs tasks in the calling process; ``shuffle`` completes them in a seeded random order."""

    shuffle: int | None = None
    workers: int = 1

    def map(self, fn: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Results one after another."""
        if self.shuffle is not None:
            items = list(items)
            random.Random(self.shuffle).shuffle(items)  # noqa: S311 - an order for tests, not a secret
        for item in items:
            interrupts.check()
            try:
                result = fn(item)
            except CorpusmillError as error:
                raise _named(error, item.label) from error
            except Exception as error:
                raise TaskError(f"{item.label} failed: {type(error).__name__}: {error}\n{traceback.format_exc()}") from error
            yield result

    def close(self) -> None:
        """Nothing was started."""


@dataclasses.dataclass(slots=True)
class RayEngine:
    """Runs one Ray task per item; the session starts with the first task, so a run with nothing to do never pays for it.

    ``address`` "" means a session of our own on this machine, unless RAY_ADDRESS says where a cluster is.
    """

    workers: int
    address: str = ""
    attempts: int = 3
    _remote: Any = None
    _own: bool = False  # whether the session is ours to end
    _largest: int = 0  # memory of the largest node
    _cpus: int = 1  # of the largest node
    _gpus: int = 0  # of the largest node

    def start(self) -> Any:
        """Start or join the session; what tasks are submitted to."""
        if self._remote is not None:
            return self._remote
        # Ray retries a task that ran out of memory for ever unless it is told otherwise.
        os.environ.setdefault("RAY_task_oom_retries", str(self.attempts))
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        import ray

        if not ray.is_initialized():
            self._own = True
            environment = {"env_vars": kernels.environment()}
            address = self.address or os.environ.get("RAY_ADDRESS", "")
            handler = signal.getsignal(signal.SIGTERM)
            if address:
                _begin(ray, {"address": address, "runtime_env": environment})
            else:
                _begin(ray, {"address": "local", "num_cpus": self.workers, "include_dashboard": False,
                             "runtime_env": environment, "object_store_memory": OBJECT_STORE, "log_to_driver": True})
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, handler)  # Ray's own would end the job without a word, by exit code 15
        if self.address or os.environ.get("RAY_ADDRESS"):
            self.workers = max(1, int(ray.cluster_resources().get("CPU", self.workers)))
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        self._largest, self._cpus, self._gpus = (int(max((node.get(what, 0) for node in nodes), default=0))
                                                 for what in ("memory", "CPU", "GPU"))
        self._remote = ray.remote(_call)
        return self._remote

    def map(self, fn: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Results in order of completion; at most two tasks per worker in flight."""
        items = iter(items)
        first = list(itertools.islice(items, 1))
        if not first:
            return
        remote = self.start()
        import ray

        function = ray.put(fn)
        flight: dict[Any, Item] = {}
        failure: BaseException | None = None
        for item in itertools.chain(first, items):
            interrupts.check()
            flight[self._submit(remote, function, item)] = item
            while len(flight) >= 2 * self.workers and failure is None:
                result, failure = self._next(flight)
                if failure is None:
                    yield result
            if failure is not None:
                break
        while flight:
            result, error = self._next(flight)
            failure = failure or error
            if failure is None:
                yield result
        if failure is not None:
            raise failure

    def _submit(self, remote: Any, function: Any, item: Item) -> Any:
        # A task that asks for more than any node has would wait for ever without a word.
        memory = min(BASE_MEMORY + item.memory, self._largest)
        cpus, gpus = min(getattr(item, "cpus", 1), max(1, self._cpus)), getattr(item, "gpus", 0.0)
        if gpus > self._gpus:
            raise ConfigError(f"{item.label} asks for {gpus:g} GPU, but no node of this session has so many: device=cpu, or an "
                              "engine.address of a cluster with GPUs")
        options = remote.options(memory=memory, max_retries=self.attempts, num_cpus=cpus, num_gpus=gpus)
        return options.remote(function, item)

    def _next(self, flight: dict[Any, Item]) -> tuple[Any, BaseException | None]:
        import ray

        done, _ = ray.wait(list(flight), num_returns=1)
        item = flight.pop(done[0])
        try:
            return ray.get(done[0]), None
        except ray.exceptions.RayTaskError as error:
            cause = error.cause
            if isinstance(cause, CorpusmillError):
                return None, _named(cause, item.label)
            return None, TaskError(f"{item.label} failed: {type(cause).__name__}: {cause}\n{error}")
        except ray.exceptions.RayError as error:
            return None, TaskError(f"{item.label} failed {self.attempts + 1} times: {type(error).__name__}: {error}")

    def close(self) -> None:
        """End the session that this engine started."""
        if self._remote is not None and self._own:
            import ray

            ray.shutdown()
        self._remote, self._own = None, False


def _call(fn: Callable[[T], R], item: T) -> R:
    kernels.use_cache()
    return fn(item)


def _begin(ray: Any, options: Mapping[str, Any]) -> None:
    """Start or join a session; once more where the machine was too busy for the first. Raises TaskError."""
    for attempt in range(BEGINNINGS):
        try:
            ray.init(logging_level=logging.WARNING, **options)
            return
        except Exception as error:  # Ray raises its base where its processes come up too slowly
            ray.shutdown()
            if attempt + 1 == BEGINNINGS:
                where = f"join {options['address']}" if options["address"] != "local" else "start on this machine"
                raise TaskError(f"Ray did not {where}: {error}\nIs the address right, is the machine too busy? "
                                "engine=inline does without it") from error


def _named(error: CorpusmillError, label: str) -> CorpusmillError:
    message = str(error)
    return type(error)(message if label in message else f"{label}: {message}")
