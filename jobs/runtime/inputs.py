"""Inputs of a job: what is given, and what the lineage of what is given says."""

from collections.abc import Iterable, Mapping

from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.manifest import Manifest, Reference
from corpusmill.jobs.runtime.store import Store
from corpusmill.operators.errors import ConfigError


def resolve(store: Store, given: Mapping[str, str | None], required: Iterable[str]) -> dict[str, Manifest]:
    """Stage → manifest, for everything given and everything in its lineage.

    ``given`` maps stages to what the user wrote. Raises ConfigError where a required one cannot be found, or two inputs come
    from different datasets of one stage.
    """
    found: dict[str, Manifest] = {}
    named = {stage: manifests.resolve(store, text, stage) for stage, text in given.items() if text}
    for stage, made in named.items():
        for other, ancestor in manifests.lineage(store, made).items():
            if other in named and not manifests.same(named[other], ancestor):
                raise ConfigError(f"{stage}={given[stage]} was made from {ancestor.path}, but {other}={given[other]} is "
                                  f"{named[other].path}")
            if other in found and not manifests.same(found[other], ancestor):
                raise ConfigError(f"the inputs come from two {other} datasets, {found[other].path} and {ancestor.path}: "
                                  f"give {other}= to say which is meant")
            found[other] = ancestor
    for stage in required:
        if stage not in found:
            have = ", ".join(f"{s}={t}" for s, t in given.items() if t) or "no input"
            raise ConfigError(f"{stage}=MANIFEST must be given (a URI, a path or @name): {have} does not lead to it")
    return found


def view_of(made: Mapping[str, Manifest]) -> tuple[Reference, ...]:
    """The text view that the trims among the inputs leave, or else the annotations: theirs, and their own edits on top."""
    last = made.get("trims") or made.get("annotations")
    if last is None:
        return ()
    return (*last.view, last.reference) if last.details.get("edits") else last.view
