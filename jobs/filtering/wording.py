"""Rules and selectors as people write them, out of a manifest's parameters."""

from collections.abc import Mapping
from typing import Any

SIGNS = {"min": "≤", "above": "<", "max": "≤", "below": "<"}
AMOUNTS = ("keep", "count", "budget")


def bounds(rule: Mapping[str, Any]) -> str:
    """What a rule keeps: ``3 ≤ text.words ≤ 100``."""
    what = _ranked(rule) if "method" in rule else _pareto(rule) if "alpha" in rule else _threshold(rule)
    when = rule.get("when")
    such = "not in" if when and when.get("negated") else "in"
    where = f", for {when['column']} {such} {', '.join(map(str, when['values']))}" if when else ""
    what = f"not ({what})" if rule.get("invert") else what
    lost = "kept" if rule.get("invert") else "dropped"  # an inverse swaps this too
    absent = f", and missing is {lost}" if rule.get("missing") == "drop" else ""
    return f"{what}{absent}{where}"


def bound(value: object) -> str:
    """A number, a date, or a number for each group."""
    if isinstance(value, Mapping):
        groups = [f"{group} {bound(n)}" for group, n in value["values"]]
        others = [] if value["default"] is None else [f"else {bound(value['default'])}"]
        return f"({', '.join([*groups, *others])})"
    return f"{value:,}".removesuffix(".0") if isinstance(value, int | float) else str(value)


def _threshold(rule: Mapping[str, Any]) -> str:
    low = next((f"{bound(rule[key])} {SIGNS[key]} " for key in ("min", "above") if rule.get(key) is not None), "")
    high = next((f" {SIGNS[key]} {bound(rule[key])}" for key in ("max", "below") if rule.get(key) is not None), "")
    among = f" is one of {', '.join(map(str, rule['isin']))}" if rule.get("isin") else ""
    others = f" is none of {', '.join(map(str, rule['not_in']))}" if rule.get("not_in") else ""
    listed = f"{low}{rule['signal']}{high}{among}{others}"
    by = f" by {rule['by']}" if rule.get("by") else ""
    return f"{listed}{by}" if listed != rule["signal"] else f"{listed} is there"


def _ranked(rule: Mapping[str, Any]) -> str:
    key = next(key for key in AMOUNTS if rule.get(key) is not None)
    amount = {"keep": f"share {bound(rule[key])}", "count": bound(rule[key]),
              "budget": f"{bound(rule[key])} {rule['size']}"}[key]
    how = "a draw weighted by the logarithm" if rule["method"] == "gumbel" else f"the {rule['order']}"
    by = f" of each {rule['by']}" if rule.get("by") else ""
    return f"{how} {rule['signal']}: {amount}{by}"


def _pareto(rule: Mapping[str, Any]) -> str:
    return f"pareto({bound(rule['alpha'])}) > 1 - {rule['signal']}"
