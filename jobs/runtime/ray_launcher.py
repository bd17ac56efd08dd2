"""Hydra's Ray launcher in a session as our engine starts one: the first arm alone, then all others at once."""

from collections.abc import Sequence
from typing import Any

from hydra_plugins.hydra_ray_launcher.ray_launcher import RayLauncher

from corpusmill.jobs.runtime.config import EngineConfig, make_engine
from corpusmill.jobs.runtime.engine import RayEngine

_together = RayLauncher.launch
_session: list[RayEngine] = []


def first_alone(launcher: RayLauncher, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[Any]:
    """What came of the arms, in order: the first computes what they have in common, and the others find it."""
    if initial_job_idx or len(job_overrides) < 2:
        return list(_together(launcher, job_overrides, initial_job_idx))
    return [*_together(launcher, job_overrides[:1], 0), *_together(launcher, job_overrides[1:], 1)]


def begin(words: Sequence[str]) -> None:
    """Start or join the session that ``engine.workers`` and ``engine.address`` ask for."""
    given = dict(word.split("=", 1) for word in words if "=" in word)
    workers = given.get("engine.workers", "")
    engine = make_engine(EngineConfig(workers=int(workers) if workers.isdecimal() else None,
                                      address=given.get("engine.address", "")))
    assert isinstance(engine, RayEngine)
    engine.start()
    _session.append(engine)
    # Hydra takes launchers from the package hydra_plugins only, so that a class of ours would be refused.
    setattr(RayLauncher, "launch", first_alone)  # noqa: B010


def end() -> None:
    """Release the session."""
    setattr(RayLauncher, "launch", _together)  # noqa: B010
    while _session:
        _session.pop().close()
