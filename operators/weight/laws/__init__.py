"""Mixture laws: from the runs of a table to the loss of a mixture that was never trained.

    contract.py     what a law is
    model.py        a fitted law with what it was fitted on, as law.json
    validation.py   what a law is worth on runs that it did not see; which to choose; warnings
    bootstrap.py    intervals of predictions
    fitting.py      least squares of many targets and starts at once, which most laws share

    constant.py     the mean
    linear.py       Σ a_j r_j
    loglinear.py    exp(Σ t_j r_j)
    exponential.py  c + exp(Σ t_j r_j), Data Mixing Laws
    additive.py     E + 1/Σ C_j r_j^γ_j, the default
    bimix.py        A_i / r_i^a_i, and its sum over domains
    lightgbm.py     boosted trees, RegMix
    stack.py        additive, and trees on what it leaves

    implicit.py     a sum of exponentials: Data Mixing Laws with domains that nobody named
    chinchilla.py   additive, with terms of parameters and tokens; scaling.py: what such laws share
    joint.py        as chinchilla, where size buys more for some mixtures
    nested.py       power laws of tokens and of parameters for every run, and a law of shares on what they say
    repetition.py   any law of shares, on effective tokens
    calibrated.py   a law of small runs, moved to a few large ones

``LAWS`` names every law, ``law_of`` makes one from its name and hyperparameters.
"""

import dataclasses
import difflib
from collections.abc import Callable
from typing import Any

from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.weight.laws.additive import Additive
from corpusmill.operators.weight.laws.bimix import BiMix
from corpusmill.operators.weight.laws.calibrated import Calibrated
from corpusmill.operators.weight.laws.chinchilla import Chinchilla
from corpusmill.operators.weight.laws.constant import Constant
from corpusmill.operators.weight.laws.contract import Law
from corpusmill.operators.weight.laws.exponential import Exponential
from corpusmill.operators.weight.laws.implicit import Implicit
from corpusmill.operators.weight.laws.joint import Joint
from corpusmill.operators.weight.laws.lightgbm import LightGBM
from corpusmill.operators.weight.laws.linear import Linear
from corpusmill.operators.weight.laws.loglinear import LogLinear
from corpusmill.operators.weight.laws.nested import Nested
from corpusmill.operators.weight.laws.repetition import Repetition
from corpusmill.operators.weight.laws.stack import Stack

LAWS: dict[str, type[Law]] = {
    law.name: law for law in (Constant, Linear, LogLinear, Exponential, BiMix, Additive, LightGBM, Stack, Implicit,
                              Chinchilla, Joint, Nested, Repetition, Calibrated)
}


def law_of(name: str, **hyperparameters: Any) -> Law:
    """The law of that name. Raises ConfigError for a law or a hyperparameter that there is not."""
    if name not in LAWS:
        raise ConfigError(f"law {name!r} is none of {', '.join(LAWS)}" + _meant(name, LAWS))
    known = [field.name for field in dataclasses.fields(LAWS[name])]  # type: ignore[arg-type]
    if unknown := sorted(set(hyperparameters) - set(known)):
        raise ConfigError(f"law {name} has no {unknown[0]!r}; it has {', '.join(known) or 'no hyperparameters'}"
                          + _meant(unknown[0], known))
    frozen = {key: tuple(value) if isinstance(value, list) else value for key, value in hyperparameters.items()}
    try:
        return LAWS[name](**frozen)
    except TypeError as error:
        raise ConfigError(f"law {name}: {error}") from error


def named(law: Law, domains: tuple[str, ...], targets: tuple[str, ...]) -> Law:
    """The law, told the names where it asks for them (``named``): of a target that is itself a domain."""
    told: Callable[..., Law] | None = getattr(law, "named", None)
    return law if told is None else told(domains, targets)


def plain(name: str, of: str) -> None:
    """Raise ConfigError unless ``name`` is a law that knows of shares alone, on which law ``of`` can stand."""
    if law_of(name).needs:
        raise ConfigError(f"law.base={name}: law {of} stands on a law of shares alone, which {name} is not")


def inner(law: Law, parameters: Any, name: str, of: str) -> Any:
    """The fitted law that law ``of`` wrote under that name. Raises DataError where it is not there, or none."""
    try:
        return law.restore(parameters[name])
    except (KeyError, TypeError) as error:
        raise DataError(f"no parameters of law {of}: {name} is missing or no law") from error


def described(law: Law) -> dict[str, Any]:
    """Name, version and hyperparameters, as JSON: part of keys; ``law_of`` takes all but the version."""
    return {"name": law.name, "version": law.version, **dataclasses.asdict(law)}  # type: ignore[call-overload]


def _meant(word: str, known: Any) -> str:
    near = difflib.get_close_matches(word, list(known), 1)
    return f": did you mean {near[0]}?" if near else ""
