"""Kernels compiled for given types, and kept in numba's cache; importing this imports numba."""

import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numba as nb
from llvmlite import ir
from numba.core import cgutils, event, types

from rnnrbm_gui.models import simd

_HERE = Path(__file__).parent
STAMP = f"{zlib.crc32(b''.join(path.read_bytes() for path in sorted(_HERE.glob('*.py')))):08x}"
"""Of the files here. WORKAROUND: numba's cache looks only at the file of the function that it
keeps, and would run yesterday's lanes; so kernels carry this in their names. Goes when numba looks
further."""


def given(dtype: types.Type, n_axes: int) -> types.Type:
    """Return the type of an argument that is only read; numba passes writable ones there, too."""
    return types.Array(dtype, n_axes, "C", readonly=True)


@simd.intrinsic
def pointer(typing: Any, address: Any) -> Any:
    """Return an address as what ``carray`` takes."""

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], cgutils.voidptr_t)

    return types.voidptr(types.int64), lower


@simd.intrinsic
def on_stack(typing: Any, n_bytes: Any) -> Any:
    """Return room, from the begin of a line of the cache, until the function returns.

    What lies there nothing else can point to, so that the compiler keeps it in registers. To be
    called in the kernel itself, or in a ``simd.function`` and until that returns: not in a loop
    there, each turn of which would take more, nor in a ``part``, which gives it back at its end.
    """

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        room = builder.alloca(ir.IntType(8), args[0])
        room.align = 64
        return room

    return types.voidptr(types.int64), lower


_SHAPES = {
    1: simd.part(lambda where, i: (where[i, 1],)),
    2: simd.part(lambda where, i: (where[i, 1], where[i, 2])),
    3: simd.part(lambda where, i: (where[i, 1], where[i, 2], where[i, 3])),
    4: simd.part(lambda where, i: (where[i, 1], where[i, 2], where[i, 3], where[i, 4])),
}


def found(i: int, dtype: Any, n_axes: int) -> Any:
    """Return a function of compiled code: the array of which row i of ``kernels.where`` tells."""
    shape = _SHAPES[n_axes]

    @simd.part
    def array(where: Any) -> Any:
        return nb.carray(pointer(where[i, 0]), shape(where, i), dtype)

    return array


def cached(signature: Any, kernel: Callable[..., None]) -> Any:
    """Compile a kernel that uses lanes, or take it from numba's cache."""
    kernel.__qualname__ += STAMP
    compiled: Any = nb.njit(signature, nogil=True, cache=True, error_model="numpy")
    return compiled(kernel)


class NotKeptError(Exception):
    """A kernel is not in numba's cache."""


class _Refusal(event.Listener):
    def __init__(self) -> None:
        self._thread = threading.get_ident()

    def on_start(self, event: event.Event) -> None:
        if threading.get_ident() == self._thread:
            raise NotKeptError

    def on_end(self, event: event.Event) -> None:
        pass


@contextmanager
def only_kept() -> Iterator[None]:
    """Within, this thread compiles nothing: what numba has not kept raises ``NotKeptError``."""
    with event.install_listener("numba:compile", _Refusal()):
        yield


def for_what_it_gets(function: Callable[..., Any]) -> Any:
    """Compile a function, when it is called, for what it is given, or take it from the cache."""
    function.__qualname__ += STAMP
    return nb.njit(nogil=True, cache=True, error_model="numpy")(function)
