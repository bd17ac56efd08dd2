"""Rules and selectors from plain mappings: as a profile writes them, and as a manifest keeps them."""

import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.quality.rules import Rule
from corpusmill.operators.quality.selectors import METHODS, Pareto, Ranked
from corpusmill.operators.quality.values import ByGroup, Condition, nearest

Entry = Rule | Ranked | Pareto
BOUNDS = ("min", "max", "above", "below")
AMOUNTS = ("keep", "count", "budget")
RENAMED = {"in": "isin"}


def parse_rules(entries: Iterable[Mapping[str, Any]]) -> tuple[Entry, ...]:
    """Rules from plain mappings with the fields of ``Rule``; selectors, by ``select``, with those of ``Ranked`` or ``Pareto``.

    ``in`` is another name of ``isin``. ``when`` is ``{column: [values]}`` or, for all other rows,
    ``{column: {not_in: [values]}}``. A bound or an amount for each group is ``{value: number, default: number}``.

    Raises ConfigError that names the rule's index, the key, and the nearest right key.
    """
    return tuple(_parse(index, entry) for index, entry in enumerate(entries))


def restore(described: Mapping[str, Any]) -> Entry:
    """The rule that a manifest's parameters describe, whatever fields were unknown when it was written."""
    kind: type[Entry] = Ranked if "method" in described else Pareto if "alpha" in described else Rule
    fields = {field.name for field in dataclasses.fields(kind)}
    return kind(**{key: _restored(key, value) for key, value in described.items() if key in fields})


def _restored(key: str, value: Any) -> Any:
    if key == "when" and value is not None:
        return Condition(value["column"], tuple(value["values"]), value.get("negated", False))
    if isinstance(value, Mapping):
        return ByGroup(tuple((group, number) for group, number in value["values"]), value["default"])
    return tuple(value) if isinstance(value, list) else value


def _parse(index: int, entry: Mapping[str, Any]) -> Entry:
    where = f"rules[{index}]"
    if not isinstance(entry, Mapping):
        _refuse(where, entry, "a mapping with reason, signal and min, max or isin")
    given = {RENAMED.get(str(key), str(key)): value for key, value in entry.items()}
    if len(given) < len(entry):
        raise ConfigError(f"{where}: in and isin are one key: give one of them")
    kind, given = _kind(where, given)
    _check_keys(where, kind, given)
    for key in ("reason", "signal"):
        if not isinstance(given.get(key), str):
            _refuse(f"{where}.{key}", given.get(key), "a string")
    _check_reason(where, given["reason"])
    try:
        return kind(**{key: _value(f"{where}.{key}", key, value) for key, value in given.items() if value is not None})
    except ConfigError as error:
        raise ConfigError(f"{error}" if f"{error}".startswith(where) else f"{where}: {error}") from None


def _check_reason(where: str, reason: str) -> None:
    """Counts are named by reasons: ``kept`` is no reason, and ``/`` and ``#`` part their names."""
    if not reason.strip() or reason == "kept" or set("/#") & set(reason):
        _refuse(f"{where}.reason", reason, "a word of your own: not empty, not 'kept', without / and #")


def _kind(where: str, given: dict[str, Any]) -> tuple[type[Entry], dict[str, Any]]:
    """The class of an entry, and its fields; ``select: threshold`` is what an entry without ``select`` is."""
    method = given.get("select", "threshold")
    rest = {key: value for key, value in given.items() if key != "select"}
    if "method" in given:
        raise ConfigError(f"{where}: unknown key 'method': a selector is named by select")
    if method == "threshold":
        return Rule, rest
    if method == "pareto":
        return Pareto, rest
    if not isinstance(method, str) or method not in METHODS:
        options = ["threshold", *METHODS, "pareto"]
        raise ConfigError(f"{where}.select: there is no selector {method!r}{nearest(str(method), options)}; there is "
                          f"{', '.join(options)}")
    return Ranked, rest | {"method": method}


def _check_keys(where: str, kind: type[Entry], given: Mapping[str, Any]) -> None:
    fields = [field.name for field in dataclasses.fields(kind) if field.name != "method"]
    for key in given:
        if key not in fields and key != "method":
            raise ConfigError(f"{where}: unknown key {key!r}{nearest(key, fields)}; there is {', '.join(fields)}")


def _value(where: str, key: str, value: Any) -> Any:
    if key in BOUNDS or key in AMOUNTS:
        return _number(where, value, times=key in BOUNDS)
    if key in ("isin", "not_in"):
        return _listed(where, value)
    if key == "when":
        return _condition(where, value)
    if key == "invert" and not isinstance(value, bool):
        _refuse(where, value, "true or false")
    if key == "seed" and (not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 64):
        _refuse(where, value, "a whole number from 0 to 2^64 - 1")
    if key == "alpha" and (not isinstance(value, int | float) or isinstance(value, bool)):
        _refuse(where, value, "a number")
    if key in ("by", "size", "missing", "order") and not isinstance(value, str):
        _refuse(where, value, "a string")
    return value


def _number(where: str, value: Any, *, times: bool) -> float | str | ByGroup:
    if isinstance(value, Mapping):
        return _by_group(where, value)
    if times and isinstance(value, dt.date):  # as YAML reads them
        return value.isoformat()
    if times and isinstance(value, str) and value[:1].isdigit():
        return value
    if not isinstance(value, int | float) or isinstance(value, bool):
        _refuse(where, value, "a number")
    return value


def _by_group(where: str, value: Mapping[Any, Any]) -> ByGroup:
    if not value:
        _refuse(where, value, "a number, or a number for each group")
    for group, number in value.items():
        if not isinstance(group, str):
            _refuse(where, group, 'a mapping from texts: put "no", "on", "off" and the like in quotes')
        if not isinstance(number, int | float) or isinstance(number, bool):
            _refuse(f"{where}.{group}", number, "a number")
    pairs = tuple((group, number) for group, number in value.items() if group != "default")
    return ByGroup(pairs, value.get("default"))


def _condition(where: str, entry: Any) -> Condition:
    if not isinstance(entry, Mapping) or len(entry) != 1:
        _refuse(where, entry, "one column with the values that it must have, such as {source: [web]}")
    column, values = next(iter(entry.items()))
    if not isinstance(values, Mapping):
        return Condition(str(column), _values(f"{where}.{column}", values, str))
    if list(values) != ["not_in"]:
        _refuse(f"{where}.{column}", values, "a list of values, or not_in with one")
    return Condition(str(column), _values(f"{where}.{column}.not_in", values["not_in"], str), negated=True)


def _values(where: str, entry: Any, kind: Any) -> tuple[Any, ...]:
    listed = isinstance(entry, Sequence) and not isinstance(entry, str) and len(entry) > 0
    if not listed or not all(isinstance(value, kind) for value in entry):
        _refuse(where, entry, "a list of values")
    return tuple(entry)


def _listed(where: str, entry: Any) -> tuple[Any, ...]:
    """Values of one type, as the column is that holds them."""
    values = _values(where, entry, str | int)
    if len({type(value) for value in values}) > 1:
        _refuse(where, entry, 'a list of values of one type: put "no", "on", "off" and numbers in quotes where texts are meant')
    return values


def _refuse(where: str, value: object, wanted: str) -> NoReturn:
    raise ConfigError(f"{where} must be {wanted}; got {value!r}")
