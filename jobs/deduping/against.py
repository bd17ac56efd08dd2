"""What another corpus holds, by the manifest that ``dedup.against`` names."""

from corpusmill.jobs.deduping.holdings import Holding
from corpusmill.jobs.deduping.signing import Signer, sign
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tasks import Session
from corpusmill.operators.contract import describe
from corpusmill.operators.errors import ConfigError

STAGES = ("documents", "duplicates")


def resolve(store: Store, text: str) -> Manifest:
    """The manifest that a user named. Raises ConfigError for one of another stage."""
    made = manifests.resolve(store, text)
    if made.stage not in STAGES:
        raise ConfigError(f"dedup.against: {text!r} is a manifest of {made.stage}; give one of {' or '.join(STAGES)}")
    return made


def holding(here: Session, text: str, own: Manifest, signer: Signer) -> Holding:
    """All documents of a manifest of documents, or those that a manifest of duplicates keeps; signed where they are not.

    Raises ConfigError as ``resolve`` does, or where it holds the job's ``own`` documents.
    """
    made = resolve(here.store, text)
    found = manifests.lineage(here.store, made)
    if found["documents"].digest == own.digest:
        raise ConfigError(f"dedup.against: {text!r} holds the job's own documents, each of which would be a copy of itself")
    signatures = found.get("signatures")
    if signatures is None or signatures.parameters["signature"] != describe(signer):
        signatures = sign(here, found, signer, {})
    return Holding.of(here.store, signatures, made if made.stage == "duplicates" else None)
