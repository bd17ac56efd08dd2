"""Which files one task reads, cut so that a new file changes one bundle."""

from collections.abc import Sequence
from hashlib import blake2b

from corpusmill.jobs.sources.files import SourceFile
from corpusmill.operators.errors import ConfigError

Bundle = tuple[SourceFile, ...]


def bundles(files: Sequence[SourceFile], target_bytes: int) -> list[Bundle]:
    """The files, in their order, in bundles of about ``target_bytes``.

    A file of the target's size or more stands alone. Between others a bundle ends after a file with the probability
    size / target, drawn from a hash of its URI: a cut depends on that file alone, so that adding or removing one small
    file changes the bundle that it falls into and, where it ends one, the next; a large one splits or joins its
    neighbours.
    """
    if target_bytes <= 0:
        raise ConfigError(f"the size of a bundle must be positive; got {target_bytes} bytes")
    out: list[Bundle] = []
    current: list[SourceFile] = []
    for file in files:
        alone = file.size >= target_bytes
        if alone and current:
            out.append(tuple(current))
            current = []
        current.append(file)
        if alone or _draw(file.uri) < file.size / target_bytes:
            out.append(tuple(current))
            current = []
    if current:
        out.append(tuple(current))
    return out


def _draw(uri: str) -> float:
    """Uniform in [0, 1), the same for a URI everywhere."""
    return int.from_bytes(blake2b(uri.encode(), digest_size=8).digest(), "little") / 2**64
