"""Corpora as MATLAB keeps them: cell arrays ``traindata``, ``validdata``, ``testdata`` of rolls.

Read here rather than by scipy, whose reader follows cells in cells until its stack overflows and
ends the process. Only what such a corpus is made of is taken: cells of real matrices.

Source: MathWorks, *MAT-File Format*, "Level 5 MAT-File Format", which versions 5 to 7 write.
"""

import struct
import zlib
from collections.abc import Iterator
from math import prod

import numpy as np
from msgspec import Struct

from rnnrbm_gui.data.rolls import MOST_FRAMES, N_KEYS, CorpusError, Roll

PARTS = {"traindata": "train", "validdata": "valid", "testdata": "test"}

MOST_BYTES = 500_000_000
"""In all variables together, once decompressed: MuseData in doubles, nearly twice."""

MOST_PIECES = 100_000

_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8"}
_NUMBERS |= {13: "u8"}
_MATRIX, _COMPRESSED = 14, 15
_CELL, _REAL = 1, range(6, 16)
_COMPLEX = 0x800


class _MalformedError(ValueError):
    """What is wrong, as a clause that follows the file's name."""


class _Array(Struct, frozen=True):
    """An array: its class as the format numbers it (-1 for complex), shape, name and content."""

    kind: int
    shape: tuple[int, ...]
    name: str
    content: tuple[tuple[int, memoryview], ...]


def rolls_in_mat(content: bytes, name: str) -> dict[str, tuple[Roll, ...]]:
    """Return the splits of a MAT-file; a roll there is (n_frames, 88) of zeros and ones.

    Args:
        content: the file.
        name: the file's, for the sentences.

    Raises:
        CorpusError: it is damaged, too large, of another version, or holds anything else.
    """
    if content[:10] == b"MATLAB 7.3" or content[:4] == b"\x89HDF":
        raise CorpusError(
            f"'{name}' is a MAT-file of version 7.3, which cannot be read here: save it with -v7."
        )
    order = {b"IM": "<", b"MI": ">"}.get(content[126:128])
    if order is None:
        raise CorpusError(f"'{name}' is no MAT-file of version 5 to 7: save it with -v7.")
    splits: dict[str, tuple[Roll, ...]] = {}
    left = MOST_FRAMES
    try:
        for array in _variables(memoryview(content)[128:], order):
            part = PARTS.get(array.name)
            if part is None:
                continue
            splits[part] = _part(array, order, left)
            left -= sum(map(len, splits[part]))
    except (_MalformedError, zlib.error) as fault:
        raise CorpusError(f"'{name}' cannot be read as a corpus: {fault}.") from fault
    if not splits:
        raise CorpusError(f"'{name}' is not a corpus: it has none of {', '.join(PARTS)}.")
    return {part: splits[part] for part in PARTS.values() if part in splits}


def _variables(data: memoryview, order: str) -> Iterator[_Array]:
    left = MOST_BYTES
    for kind, element in _elements(data, order):
        inner = [(kind, element)]
        if kind == _COMPRESSED:
            opened = zlib.decompressobj().decompress(element, left + 1)
            if len(opened) > left:
                raise _MalformedError(f"it opens to over {MOST_BYTES // 10**6} MB")
            inner = list(_elements(memoryview(opened), order))[:1]
        for inner_kind, matrix in inner:
            left -= len(matrix)
            if inner_kind == _MATRIX:
                yield _array(matrix, order)


def _elements(data: memoryview, order: str) -> Iterator[tuple[int, memoryview]]:
    """Yield type and content of the elements that lie one behind the other."""
    at = 0
    while at + 8 <= len(data):
        kind, size = struct.unpack_from(order + "II", data, at)
        packed = kind >> 16 > 0  # up to four bytes stand in the tag
        if packed:
            kind, size = kind & 0xFFFF, kind >> 16
        begin = at + (4 if packed else 8)
        end = begin + size
        if end > len(data):
            raise _MalformedError("it is cut off or damaged")
        yield kind, data[begin:end]
        at = end if kind == _COMPRESSED else end + (at - end) % 8


def _array(data: memoryview, order: str) -> _Array:
    """Take apart one array; those inside of a cell stay as they are."""
    if not data:
        return _Array(_REAL[0], (0, 0), "", ())
    head: list[memoryview] = []
    content: list[tuple[int, memoryview]] = []
    for kind, element in _elements(data, order):
        if len(head) < 3:
            head.append(element)
        elif len(content) < MOST_PIECES:
            content.append((kind, element))
        else:
            raise _MalformedError(f"an array has over {MOST_PIECES:,} parts")
    if len(head) < 3 or len(head[0]) != 8 or len(head[1]) % 4:
        raise _MalformedError("an array has no head")
    flags = struct.unpack_from(order + "I", head[0])[0]
    shape = struct.unpack(f"{order}{len(head[1]) // 4}i", head[1])
    name = bytes(head[2][:64]).decode("ascii", "replace")
    return _Array(-1 if flags & _COMPLEX else flags & 0xFF, shape, name, tuple(content))


def _part(array: _Array, order: str, left: int) -> tuple[Roll, ...]:
    if array.kind != _CELL or prod(array.shape) != len(array.content):
        raise _MalformedError(f"'{array.name}' must be a cell array of rolls")
    rolls: list[Roll] = []
    for number, (kind, element) in enumerate(array.content):
        where = f"'{array.name}', sequence {number}"
        if kind != _MATRIX:
            raise _MalformedError(f"{where} must be a matrix")
        rolls.append(_roll(_array(element, order), order, where))
        left -= len(rolls[-1])
        if left < 0:
            raise _MalformedError(f"there are over {MOST_FRAMES:,} frames in all")
    return tuple(rolls)


def _roll(array: _Array, order: str, where: str) -> Roll:
    if array.kind in _REAL and prod(array.shape) == 0:
        return np.zeros((0, N_KEYS), np.bool_)
    if array.kind not in _REAL or len(array.shape) != 2 or array.shape[1] != N_KEYS:
        raise _MalformedError(f"{where} must be a real matrix of frames by {N_KEYS} keys")
    kind, numbers = array.content[0] if array.content else (0, memoryview(b""))
    dtype = np.dtype(order + _NUMBERS.get(kind, "u1"))
    if kind not in _NUMBERS or len(numbers) != prod(array.shape) * dtype.itemsize:
        raise _MalformedError(f"{where} has not the numbers that it claims")
    values = np.frombuffer(numbers, dtype)
    roll = values == 1
    if not np.all(roll | (values == 0)):
        raise _MalformedError(f"{where} must hold zeros and ones only")
    return np.ascontiguousarray(roll.reshape(array.shape, order="F"))
