"""Mixture laws: from the runs of a table to the loss of a mixture that was never trained.

    contract.py  what a law is
    model.py     a fitted law with what it was fitted on, as law.json
    fitting.py   least squares of many targets and starts at once, which most laws share
    additive.py  E + 1/Σ C_j r_j^γ_j, the default

``LAWS`` names every law, ``law_of`` makes one from its name and hyperparameters.
"""

import dataclasses
import difflib
from typing import Any

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.laws.additive import Additive
from corpusmill.operators.weight.laws.contract import Law

LAWS: dict[str, type[Law]] = {law.name: law for law in (Additive,)}


def law_of(name: str, **hyperparameters: Any) -> Law:
    """The law of that name. Raises ConfigError for a law or a hyperparameter that there is not."""
    if name not in LAWS:
        raise ConfigError(f"law {name!r} is none of {', '.join(LAWS)}" + _meant(name, LAWS))
    known = [field.name for field in dataclasses.fields(LAWS[name])]  # type: ignore[arg-type]
    if unknown := sorted(set(hyperparameters) - set(known)):
        raise ConfigError(f"law {name} has no {unknown[0]!r}; it has {', '.join(known) or 'no hyperparameters'}"
                          + _meant(unknown[0], known))
    return LAWS[name](**{key: tuple(value) if isinstance(value, list) else value for key, value in hyperparameters.items()})


def described(law: Law) -> dict[str, Any]:
    """Name, version and hyperparameters, as JSON: part of keys; ``law_of`` takes all but the version."""
    return {"name": law.name, "version": law.version, **dataclasses.asdict(law)}  # type: ignore[call-overload]


def _meant(word: str, known: Any) -> str:
    near = difflib.get_close_matches(word, list(known), 1)
    return f": did you mean {near[0]}?" if near else ""
