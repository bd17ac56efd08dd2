"""Models as files in the safetensors layout: 8 bytes length, JSON header, little-endian arrays. Other tools can read them."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = dict[str, npt.NDArray[Any]]

_TYPES: dict[str, np.dtype[Any]] = {
    "U64": np.dtype("<u8"), "I64": np.dtype("<i8"), "I32": np.dtype("<i4"), "I16": np.dtype("<i2"),
    "F32": np.dtype("<f4")}  # fmt: skip


def pack(form: str, facts: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """The file: ``form`` names what it holds, ``facts`` is JSON."""
    header: dict[str, Any] = {"__metadata__": {"format": form, "facts": json.dumps(dict(facts), sort_keys=True)}}
    parts, end = [], 0
    for name, array in arrays.items():
        kind = next(k for k, t in _TYPES.items() if t == array.dtype)
        parts.append(np.ascontiguousarray(array, _TYPES[kind]).tobytes())
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [end, end + len(parts[-1])]}
        end += len(parts[-1])
    head = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    return b"".join([len(head).to_bytes(8, "little"), head, *parts])


def unpack(form: str, data: bytes) -> tuple[dict[str, Any], Arrays]:
    """Facts and arrays of the file, these aligned and writable. Raises ValueError for another kind of file, or part of one."""
    size = int.from_bytes(data[:8], "little")
    if not 0 < size <= len(data) - 8:
        raise ValueError(f"{len(data)} bytes do not hold a header")
    try:
        header = json.loads(data[8 : 8 + size])
        told = header.pop("__metadata__")
        if told["format"] != form:
            raise ValueError(f"its format is {told['format']!r}")
        facts = dict(json.loads(told["facts"]))
        return facts, {name: _array(data, 8 + size, name, field) for name, field in header.items()}
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"its header is not understood: {type(error).__name__}: {error}") from error


def _array(data: bytes, start: int, name: str, field: Mapping[str, Any]) -> npt.NDArray[Any]:
    first, end = field["data_offsets"]
    kind, shape = _TYPES[field["dtype"]], tuple(field["shape"])
    part = data[start + first : start + end]
    if first < 0 or min(shape, default=0) < 0 or end - first != len(part) or len(part) != int(np.prod(shape)) * kind.itemsize:
        raise ValueError(f"{name} has {len(part)} bytes for {shape} numbers of {kind.itemsize}")
    return np.frombuffer(part, kind).reshape(shape).copy()  # so that kernels are compiled for one kind of array
