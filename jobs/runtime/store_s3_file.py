"""Random access to an object by ranged requests."""

import io
from collections.abc import Callable

from corpusmill.operators.errors import Corrupt

_AHEAD_MIN = 64 << 10
_AHEAD_MAX = 8 << 20


class RangedFile(io.RawIOBase):
    """A read-only binary file over ``fetch(offset, length)``, made to be wrapped in ``pa.PythonFile``.

    A read that goes on where the last one ended fetches ahead, twice as far each time up to 8 MiB, so that readers of
    small pieces make few requests. Any other read fetches exactly what it was asked for.
    """

    def __init__(self, fetch: Callable[[int, int], bytes], size: int, uri: str) -> None:
        super().__init__()
        self._fetch = fetch
        self._size = size
        self._uri = uri
        self._at = self._read_to = 0
        self._ahead = _AHEAD_MIN
        self._kept, self._kept_at = b"", 0

    def read(self, n: int | None = -1, /) -> bytes:
        """The next ``n`` bytes, fewer only at the end; all that is left where ``n`` is None or negative."""
        start = self._at
        left = max(self._size - start, 0)
        n = left if n is None or n < 0 else min(n, left)
        skip = start - self._kept_at
        out = self._kept[skip : skip + n] if skip >= 0 else b""
        if len(out) < n:
            out += self._fill(start + len(out), n - len(out), ahead=start == self._read_to)
        self._at = self._read_to = start + n
        return out

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; asks the store for nothing."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        """The position, in bytes."""
        return self._at

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def _fill(self, start: int, need: int, *, ahead: bool) -> bytes:
        take = min(max(need, self._ahead), self._size - start) if ahead else need
        self._ahead = min(2 * self._ahead, _AHEAD_MAX) if ahead else _AHEAD_MIN
        got = self._fetch(start, take)
        if len(got) != take:
            raise Corrupt(f"{self._uri} ended at byte {start + len(got)}, where {self._size} bytes were expected")
        self._kept, self._kept_at = (got, start) if take > need else (b"", 0)
        return got[:need]
