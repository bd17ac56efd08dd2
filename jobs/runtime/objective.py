"""What a sweep makes small: a number that is told of every result."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from corpusmill.jobs.runtime import laws
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.store import Store
from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.runs import Points


def value_of(store: Store, made: Manifest, optimise: str) -> float:
    """``optimise`` names a law (@name or a manifest), whose mean prediction over its targets for the proportions that ``made``
    holds or was drawn by is the value; or a number of the details, by its path: ``bits_per_byte``, ``errors.web.mae``.

    Raises ConfigError where there is no such number.
    """
    if optimise.startswith("@") or manifests.split_uri(optimise) is not None:
        return _predicted(store, made, optimise)
    node: Any = made.details
    for key in optimise.split("."):
        node = node.get(key) if isinstance(node, Mapping) else None
    if isinstance(node, bool) or not isinstance(node, int | float) or not math.isfinite(node):
        numbers = sorted(k for k, v in made.details.items() if isinstance(v, int | float) and not isinstance(v, bool))
        raise ConfigError(f"optimise={optimise}: the details of {made.stage} hold no such number; they hold "
                          f"{', '.join(numbers) or 'none at their top'}. @NAME of a law is its prediction")
    return float(node)


def _predicted(store: Store, made: Manifest, optimise: str) -> float:
    law = laws.read(store, manifests.resolve(store, optimise, "law"))
    found = manifests.lineage(store, made).get("proportions")
    if found is None:
        raise ConfigError(f"optimise={optimise}: no proportions are in the lineage of {made.stage}, of which a law could "
                          "predict the loss")
    if law.law.needs:
        raise ConfigError(f"optimise={optimise}: law {law.law.name} predicts for given {', '.join(sorted(law.law.needs))}; "
                          "take one of the mixture alone")
    shares = found.details["proportions"]
    if strange := sorted(set(shares) ^ set(law.domains)):
        raise ConfigError(f"optimise={optimise}: {strange[0]!r} is a domain of only one of the law and the proportions; the "
                          f"law is of {', '.join(law.domains)}")
    return float(law.predict(Points(np.array([[shares[d] for d in law.domains]]))).mean())
