"""State as bytes: plain values and arrays, with a version and a checksum, and nothing that could run."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import xxhash

VERSION = 1
"""Of the state that this program writes; it reads this one and the one before."""


class SnapshotError(RuntimeError):
    """A snapshot that is damaged, or newer than this program."""


def pack(state: dict[str, Any]) -> bytes:
    """State as bytes: numbers, texts, lists, dicts with text keys, numpy arrays."""
    body = _encode(state)
    return msgspec.msgpack.encode((VERSION, xxhash.xxh3_64_intdigest(body), body))


def unpack(value: bytes) -> dict[str, Any]:
    """The state in a snapshot; raises SnapshotError where it is damaged or newer."""
    try:
        version, checksum, body = msgspec.msgpack.decode(value, type=tuple[int, int, bytes])
    except msgspec.MsgspecError as error:
        raise SnapshotError(f"not a snapshot: {error}") from None
    if version > VERSION:
        raise SnapshotError(f"state of version {version}, and this program reads up to {VERSION}: run a newer one")
    if xxhash.xxh3_64_intdigest(body) != checksum:
        raise SnapshotError("a snapshot's checksum does not match its content")
    return _decode(body)  # type: ignore[no-any-return]  # a dict, because pack takes one


def _enc_hook(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        head = msgspec.msgpack.encode((value.dtype.str, value.shape))
        return msgspec.msgpack.Ext(_ARRAY, bytes([len(head)]) + head + np.ascontiguousarray(value).tobytes())
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be part of a state")


def _ext_hook(code: int, data: memoryview) -> Any:
    if code != _ARRAY:
        raise SnapshotError(f"an unknown kind of value in a snapshot: {code}")
    start = 1 + data[0]
    dtype, shape = msgspec.msgpack.decode(data[1:start], type=tuple[str, tuple[int, ...]])
    if np.dtype(dtype).hasobject:
        raise SnapshotError("an array of objects in a snapshot")
    return np.frombuffer(data[start:], dtype).reshape(shape).copy()


_ARRAY = 1
_encode = msgspec.msgpack.Encoder(enc_hook=_enc_hook).encode
_decode = msgspec.msgpack.Decoder(ext_hook=_ext_hook).decode
