"""Sweeps: one command with many settings, by Hydra's launchers (one after another, or on Ray) and sweepers (a grid, or Optuna).

An arm is one run of a sweep; it is called by its number and by the settings that are its own. Arms share what they have in
common, since what is committed is not computed again. On Ray the first arm goes alone, so that the others find it.
"""

import dataclasses
import importlib.util
import json
import logging
import os
import sys
import warnings
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from corpusmill.jobs.runtime.main import Halt, execute
from corpusmill.jobs.runtime.progress import note
from corpusmill.operators.errors import ConfigError, CorpusmillError

PLUGINS = {"hydra/launcher=ray": "hydra_ray_launcher", "hydra/sweeper=optuna": "hydra_optuna_sweeper"}
RAY, OPTUNA = PLUGINS


def of(job: str, words: list[str]) -> "Sweep | None":
    """The sweep that a command line asks for. Raises ConfigError where what it needs is not installed."""
    for word, plugin in PLUGINS.items():
        if word in words and _missing(plugin):
            raise ConfigError(f"{word}: {plugin.replace('_', '-')} is not installed: pip install 'corpusmill[sweeps]'")
    return Sweep(job, tuple(words), os.getpid()) if {"-m", "--multirun"} & set(words) else None


def _missing(plugin: str) -> bool:
    try:
        return importlib.util.find_spec(f"hydra_plugins.{plugin}") is None
    except ModuleNotFoundError:
        return True


@dataclasses.dataclass
class Sweep:
    """A sweep, as the driver and, by pickle, the arms know it."""

    job: str
    words: tuple[str, ...]
    driver: int  # process
    folder: str = ""  # where arms on this machine leave what came of them

    @property
    def apart(self) -> bool:
        """Whether arms are run by Ray, at the same time."""
        return RAY in self.words

    def begin(self, folder: str) -> list[str]:
        """Start what the launcher needs; the overrides that it takes."""
        self.folder = folder
        overrides = []
        if OPTUNA in self.words:
            warnings.filterwarnings("ignore", module="(hydra_plugins|optuna)")  # each speaks of what is old in the other
            import optuna

            optuna.logging.set_verbosity(logging.WARNING)
            if not any(word.split("=")[0].startswith("hydra/sweeper/sampler") for word in self.words):
                overrides += [] if self._says("hydra.sweeper.sampler.seed") else ["hydra.sweeper.sampler.seed=0"]
        if self.apart:
            from corpusmill.jobs.runtime import ray_launcher

            ray_launcher.begin(self.words)
        return overrides

    def _says(self, key: str) -> bool:
        return any(word.lstrip("+").startswith(f"{key}=") for word in self.words)

    def arm(self, composed: Any) -> float | None:
        """Run one arm; what is optimised. An error names the arm, and stops a plain sweep."""
        from hydra.core.hydra_config import HydraConfig

        facts = HydraConfig.get()
        given = {word.lower() for word in self.words}  # Hydra writes true as True
        own = [word for word in facts.overrides.task if word.lower() not in given]
        number, label = int(facts.job.num), f"arm {facts.job.num} ({', '.join(own) or 'as given'})"
        try:
            if OPTUNA in self.words and not composed.optimise:
                raise ConfigError("optimise= must be given with hydra/sweeper=optuna: @NAME of a law, or a number of the "
                                  "details, such as bits_per_byte")
            made = execute(self.job, composed, f"-{number}")
        except CorpusmillError as error:
            named = type(error)(f"{label}: {error}")
            self._leave(number, {"label": label, "error": str(named)})
            if self.apart or OPTUNA in self.words:
                raise named from error
            raise Halt(named) from error
        self._leave(number, {"label": label} | ({} if made is None else dataclasses.asdict(made)))
        if made is not None and os.getpid() == self.driver:
            print(f"manifest: {made.uri}", flush=True)  # noqa: T201
        return None if made is None else made.value

    def _leave(self, number: int, facts: dict[str, Any]) -> None:
        if Path(self.folder).is_dir():  # not on another machine: there Ray's log tells
            (Path(self.folder) / f"arm-{number:06d}.json").write_text(json.dumps(facts))

    def _left(self) -> list[dict[str, Any]]:
        return [json.loads(path.read_text()) for path in sorted(Path(self.folder).glob("arm-*.json"))]

    def end(self) -> None:
        """Tell what came of the arms, and release what was started.

        That is: the manifests of arms that ran elsewhere, every arm that failed but the first, which the command ends with, and
        last the best of arms that were optimised.
        """
        arms = self._left()
        for arm in arms if self.apart else []:
            if "uri" in arm:
                print(f"manifest: {arm['uri']}", flush=True)  # noqa: T201
        for arm in [arm for arm in arms if "error" in arm][1:]:
            print(f"error: {arm['error']}", file=sys.stderr)  # noqa: T201
        results = Path(self.folder) / "optimization_results.yaml"
        if results.exists():
            best = OmegaConf.select(OmegaConf.load(results), "best_value")
            found = next((arm for arm in arms if arm.get("value") is not None and arm["value"] == best), None)
            if found is not None:
                note(f"best of {len(arms)} arms: {found['label']}, {best:.6g}")
                print(f"manifest: {found['uri']}", flush=True)  # noqa: T201
        if self.apart:
            from corpusmill.jobs.runtime import ray_launcher

            ray_launcher.end()
