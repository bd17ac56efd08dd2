"""What the benchmarks share: the corpus, composing a job's configuration, and where they ran."""

import os
import platform
from pathlib import Path

from hydra import compose, initialize_config_module

from corpusmill.jobs.runtime import main
from corpusmill.jobs.runtime.config import strict

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "data" / "corpus"


def job(name, overrides):
    """(module, strict configuration) of a job."""
    main.register(name)
    with initialize_config_module("corpusmill.conf", version_base="1.3"):
        return main.module(name), strict(main.module(name).Config, compose(name, overrides))


def machine():
    """Where figures were taken."""
    model = platform.processor()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as file:
            model = next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), model)
    return {"processor": model, "cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()}
