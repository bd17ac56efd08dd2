"""What is running: a small object per run, renewed while it lives, removed at its end. Never part of a digest."""

import contextlib
import json
import os
import platform
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

from corpusmill.jobs.runtime.store import Store
from corpusmill.operators.errors import Missing, StoreError

BEAT_SECONDS = 10.0
STALE_SECONDS = 60.0
FORGET_SECONDS = 86_400.0


@contextlib.contextmanager
def running(store: Store, job: str, *, enabled: bool = True) -> Iterator[None]:
    """Say that ``job`` runs for as long as the block does."""
    if not enabled:
        yield
        return
    _forget(store)
    path = f"running/{job}-{uuid.uuid4().hex[:12]}.json"
    record: dict[str, Any] = {"job": job, "host": platform.node(), "pid": os.getpid(), "started": time.time()}
    ended = threading.Event()
    _beat(store, path, record)
    thread = threading.Thread(target=_beats, args=(store, path, record, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        with contextlib.suppress(StoreError):
            store.delete(path)


def _forget(store: Store) -> None:
    """Drop what runs that were killed left behind, a day later."""
    for one in runs(store):
        if time.time() - one["seen"] > FORGET_SECONDS:
            store.delete(one["path"])


def _beats(store: Store, path: str, record: dict[str, Any], ended: threading.Event) -> None:
    while not ended.wait(BEAT_SECONDS):
        with contextlib.suppress(StoreError):  # a missed beat is no reason to lose the run
            _beat(store, path, record)


def _beat(store: Store, path: str, record: dict[str, Any]) -> None:
    store.write(path, json.dumps(record | {"seen": time.time()}).encode())


def runs(store: Store) -> list[dict[str, Any]]:
    """Every run that said it lives; ``stale`` where it has been silent for a minute."""
    found = []
    for entry in store.list("running/"):
        try:
            record = json.loads(bytes(memoryview(store.read(entry.path))))
        except Missing:
            continue  # it has just ended
        found.append(record | {"path": entry.path, "stale": time.time() - record["seen"] > STALE_SECONDS})
    return found
