"""Products of float32 matrices in vector registers, parts of the compiled code of training.

They are as fast as BLAS at the sizes of a batch, and need no call: after one a thread has to wait
for the interpreter, which another one may hold. What the lanes are and why: ``simd``. Importing
this module imports numba.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.models import simd

Float = NDArray[np.float32]

_WIDE = simd.wide()
_BLOCK = 64 if _WIDE else 48
"""Columns to a block. Four sums of 64 stay in registers of 16 lanes; of narrower ones there are too
few for four sums of 48, and some go through memory."""
_REGISTERS = _BLOCK // simd.WIDTH
_COLUMN_REGISTERS = 4 if _WIDE else 1
"""Of columns whose sums over frames, four rows of them, stay in registers."""
_COLUMNS = _COLUMN_REGISTERS * simd.WIDTH
_FRAMES = 64
"""Whose columns stay in the first cache."""
_LINE = 64


@simd.function
def zeros(n_rows: int, n_columns: int) -> Float:
    """Return zeros that begin at the begin of a line of the cache."""
    n = n_rows * n_columns
    room = np.zeros(n + _LINE // 4, np.float32)
    first = (-room.ctypes.data % _LINE) // 4
    return room[first : first + n].reshape((n_rows, n_columns))


@simd.function
def blocks(n_rows: int, n_columns: int) -> NDArray[np.float32]:
    """Return room for a matrix whose columns lie in blocks, for ``put`` and ``product``."""
    n_blocks = -(-n_columns // _BLOCK)
    return zeros(n_blocks * n_rows, _BLOCK).reshape((n_blocks, n_rows, _BLOCK))


@simd.function
def put(W: Any, first: int, out: Any) -> None:
    """Lay out a matrix, (n_rows, n), of which the first column is column ``first`` of ``out``."""
    n_rows, n = W.shape
    column = 0
    while column < n:
        block, place = (first + column) // _BLOCK, (first + column) % _BLOCK
        end = min(n, column + _BLOCK - place)
        for i in range(n_rows):
            now, row = out[block, i, place:], W[i, column:end]
            for j in range(row.size):
                now[j] = row[j]
        column = end


@simd.part
def product(x: Float, first: int, n: int, blocks: Any, out: Float) -> None:
    """Leave x[first : first + n] @ the matrix of ``blocks`` in out[:n], which has their width."""
    n_blocks, n_rows, width = blocks.shape
    stride = out.shape[1]
    for block in range(n_blocks):
        for i in range(0, n - n % 4, 4):
            a, b = simd.zeros(_REGISTERS), simd.zeros(_REGISTERS)
            c, d = simd.zeros(_REGISTERS), simd.zeros(_REGISTERS)
            for k in range(n_rows):
                row = simd.load(blocks, (block * n_rows + k) * simd.size(a), a)
                a = simd.multiply_add(row, x[first + i, k], a)
                b = simd.multiply_add(row, x[first + i + 1, k], b)
                c = simd.multiply_add(row, x[first + i + 2, k], c)
                d = simd.multiply_add(row, x[first + i + 3, k], d)
            place = i * stride + block * width
            simd.store(out, place, a)
            simd.store(out, place + stride, b)
            simd.store(out, place + 2 * stride, c)
            simd.store(out, place + 3 * stride, d)
        for i in range(n - n % 4, n):
            a = simd.zeros(_REGISTERS)
            for k in range(n_rows):
                row = simd.load(blocks, (block * n_rows + k) * simd.size(a), a)
                a = simd.multiply_add(row, x[first + i, k], a)
            simd.store(out, i * stride + block * width, a)


@simd.function
def of_frames(x: Float, blocks: Any) -> Float:
    """Return ``x`` times the matrix of ``blocks``, (n_frames, their width).

    Args:
        x: (n_frames, n_rows).
        blocks: (n_blocks, n_rows, columns to a block).
    """
    out = zeros(len(x), blocks.shape[0] * _BLOCK)
    product(x, 0, len(x), blocks, out)
    return out


@simd.function
def of_columns(x: Float, d: Float, e: Float, x_d: Float, x_e: Float) -> None:
    """Fill in ``x.T @ d`` and ``x.T @ e``, of many frames: BLAS would first lay out all of them.

    Args:
        x: (n_frames, n_rows).
        d: (n_frames, n_d).
        e: (n_frames, n_e).
        x_d: (n_rows, n_d).
        x_e: (n_rows, n_e).
    """
    (n_frames, n_rows), n_d, n_e = x.shape, d.shape[1], e.shape[1]
    stride = -(-(n_d + n_e) // _COLUMNS) * _COLUMNS
    out, some = zeros(n_rows, stride), zeros(_FRAMES, _COLUMNS)
    for start in range(0, n_frames, _FRAMES):
        end = min(start + _FRAMES, n_frames)
        for column in range(0, n_d + n_e, _COLUMNS):
            from_d = min(_COLUMNS, max(0, n_d - column))
            n_some = min(_COLUMNS, n_d + n_e - column)
            for f in range(start, end):
                room, of_d, of_e = some[f - start], d[f, column:], e[f, max(0, column - n_d) :]
                for j in range(from_d):
                    room[j] = of_d[j]
                room = room[from_d:]
                for j in range(n_some - from_d):
                    room[j] = of_e[j]
            for k in range(0, n_rows - n_rows % 4, 4):
                place = k * stride + column
                a1 = simd.load(out, place, _COLUMN_REGISTERS)
                a2 = simd.load(out, place + stride, _COLUMN_REGISTERS)
                a3 = simd.load(out, place + 2 * stride, _COLUMN_REGISTERS)
                a4 = simd.load(out, place + 3 * stride, _COLUMN_REGISTERS)
                for f in range(start, end):
                    row = simd.load(some, (f - start) * _COLUMNS, _COLUMN_REGISTERS)
                    a1 = simd.multiply_add(row, x[f, k], a1)
                    a2 = simd.multiply_add(row, x[f, k + 1], a2)
                    a3 = simd.multiply_add(row, x[f, k + 2], a3)
                    a4 = simd.multiply_add(row, x[f, k + 3], a4)
                simd.store(out, place, a1)
                simd.store(out, place + stride, a2)
                simd.store(out, place + 2 * stride, a3)
                simd.store(out, place + 3 * stride, a4)
            for k in range(n_rows - n_rows % 4, n_rows):
                a1 = simd.load(out, k * stride + column, _COLUMN_REGISTERS)
                for f in range(start, end):
                    row = simd.load(some, (f - start) * _COLUMNS, _COLUMN_REGISTERS)
                    a1 = simd.multiply_add(row, x[f, k], a1)
                simd.store(out, k * stride + column, a1)
    for place, n, filled in ((0, n_d, x_d), (n_d, n_e, x_e)):
        if n:
            for k in range(n_rows):
                now, row = filled[k], out[k, place : place + n]
                for j in range(n):
                    now[j] = row[j]
