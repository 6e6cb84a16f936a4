"""Numbers sixteen at a time: whole layers of units that stay in the processor's vector registers.

A loop that adds up rows of weights is bound by the sum, not by the weights, if the sum goes through
memory at every row, and there a compiler leaves it. Here a sum is a value: ``Lanes`` of ``n``
registers with 16 numbers each, or 32 of 16 bits. In compiled code

    a = simd.load(bias, 0, 10)                        # 160 numbers, in 10 registers
    for j in which:
        a = a + simd.load(rows, 160 * j, 10)          # they stay there
    simd.store(out, 0, a)

does one addition a register and row, each with its operand straight from the cache. ``+ - * / & |
^ << >> < >=`` work lane by lane, with a plain number on either side if need be (16 bits only have
``+``, of two of them); a comparison gives lanes of truth, for ``choose`` and ``mask``. Values never
change in place.

Nothing here is of one processor: LLVM is told of vectors of 16 and cuts them to what the machine
has. Only ``multiply_add`` may differ in the last bit, where a machine rounds once instead of twice.
"""

import functools
import operator
from collections.abc import Callable
from typing import Any

import numba as nb
from llvmlite import binding, ir
from numba import extending
from numba.core import cgutils, types
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import lower_builtin, models, register_model

WIDTH = 16
"""Lanes of a register."""

F32, U32, U16, TRUTH = types.float32, types.uint32, types.uint16, types.boolean
_I16, _I32 = ir.IntType(16), ir.IntType(32)
_IR: dict[Any, Any] = {F32: ir.FloatType(), U32: _I32, U16: _I16, TRUTH: ir.IntType(1)}
_F64, _I64 = ir.DoubleType(), ir.IntType(64)


@functools.cache  # asking takes longer than making a model's tables
def most_registers() -> int:
    """Return how many registers of sums this machine holds beside what a step needs."""
    # 32 registers of 16 lanes; else at most 16 of 8 or 32 of 4.
    return 16 if wide() else 6


@functools.cache
def wide() -> bool:
    """Return whether this machine's registers hold 16 lanes."""
    return bool(binding.get_host_cpu_features().get("avx512f"))


# What it returns is typed as the function below it, not as what compiled code calls.
intrinsic: Any = extending.intrinsic


def _width(element: types.Type) -> int:
    return 2 * WIDTH if element == U16 else WIDTH


class Lanes(types.Type):
    """The type of ``n`` registers of float32, uint32, uint16 or truth."""

    def __init__(self, element: types.Type, n: int) -> None:
        self.element, self.n, self.width = element, n, _width(element)
        super().__init__(name=f"Lanes({element}, {n})")


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, lanes: Lanes) -> None:
        register = ir.VectorType(_IR[lanes.element], lanes.width)
        super().__init__(manager, lanes, ir.ArrayType(register, lanes.n))


def _each(context: Any, builder: Any, sig: Any, args: Any, make: Callable[..., Any]) -> Any:
    """Apply ``make`` to each register in turn; plain numbers go to all lanes of all."""
    n = sig.return_type.n
    operands = []
    for given, value in zip(sig.args, args, strict=True):
        if isinstance(given, Lanes):
            operands.append([builder.extract_value(value, i) for i in range(n)])
        else:
            operands.append([_spread(builder, _IR[given], value)] * n)
    out = ir.Constant(context.get_value_type(sig.return_type), ir.Undefined)
    for i, registers in enumerate(zip(*operands, strict=True)):
        out = builder.insert_value(out, make(builder, *registers), i)
    return out


def _spread(builder: Any, kind: Any, value: Any) -> Any:
    none = ir.Constant(ir.VectorType(kind, WIDTH), ir.Undefined)
    first = builder.insert_element(none, value, ir.Constant(_I32, 0))
    return builder.shuffle_vector(first, none, ir.Constant(ir.VectorType(_I32, WIDTH), None))


def _alike(*args: Any) -> tuple[Lanes, list[Any]] | None:
    """Return the shape that operands have in common, and their types with numbers made alike.

    None where they do not fit; numbers go to ``WIDTH`` lanes, not to the 32 of 16 bits.
    """
    shapes = {t for t in args if isinstance(t, Lanes)}
    if len(shapes) != 1 or not all(isinstance(t, (Lanes, types.Number)) for t in args):
        return None
    [shape] = shapes
    if shape.width != WIDTH and not all(isinstance(t, Lanes) for t in args):
        return None
    return shape, [t if isinstance(t, Lanes) else shape.element for t in args]


def _operator(symbol: Any, result: types.Type | None, makes: dict[types.Type, Any]) -> None:
    """Teach numba ``symbol`` on lanes: ``makes`` by element; ``result`` if it is another."""

    class Template(AbstractTemplate):
        key = symbol

        def generic(self, args: Any, kws: Any) -> Any:
            found = _alike(*args)
            if found is None or found[0].element not in makes:
                return None
            shape, operands = found
            return signature(Lanes(result or shape.element, shape.n), *operands)

    infer_global(symbol)(Template)

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        shape = next(t for t in sig.args if isinstance(t, Lanes))
        return _each(context, builder, sig, args, makes[shape.element])

    for operands in ((Lanes, Lanes), (Lanes, types.Number), (types.Number, Lanes)):
        lower_builtin(symbol, *operands)(lower)


_B = ir.IRBuilder
_operator(operator.add, None, {F32: _B.fadd, U32: _B.add, U16: _B.add})
_operator(operator.sub, None, {F32: _B.fsub, U32: _B.sub})
_operator(operator.mul, None, {F32: _B.fmul, U32: _B.mul})
_operator(operator.truediv, None, {F32: _B.fdiv})
_operator(operator.and_, None, {U32: _B.and_})
_operator(operator.or_, None, {U32: _B.or_})
_operator(operator.xor, None, {U32: _B.xor})
_operator(operator.lshift, None, {U32: _B.shl})
_operator(operator.rshift, None, {U32: _B.lshr})
_operator(operator.lt, TRUTH, {F32: lambda builder, a, b: builder.fcmp_ordered("<", a, b)})
_operator(operator.ge, TRUTH, {F32: lambda builder, a, b: builder.fcmp_ordered(">=", a, b)})


def _call(builder: Any, name: str, result: Any, *args: Any) -> Any:
    """Call one of LLVM's own functions."""
    kind = ir.FunctionType(result, [arg.type for arg in args])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), args)


@intrinsic
def multiply_add(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """Return a * b + c, fused where the machine can."""
    found = _alike(a, b, c)
    if found is None or found[0].element != F32:
        return None
    shape, operands = found

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        def make(builder: Any, *abc: Any) -> Any:
            return _call(builder, f"llvm.fmuladd.v{WIDTH}f32", abc[0].type, *abc)

        return _each(context, builder, sig, args, make)

    return shape(*operands), lower


@intrinsic
def choose(typing: Any, truth: Any, a: Any, b: Any) -> Any:
    """Return a where ``truth`` holds, else b; not of 16 bits: they have no truth of 32 lanes."""
    found = _alike(a, b)
    if found is None or found[0].width != WIDTH or truth != Lanes(TRUTH, found[0].n):
        return None
    shape, operands = found

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _each(context, builder, sig, args, _B.select)

    return shape(truth, *operands), lower


@intrinsic
def as_bits(typing: Any, x: Any) -> Any:
    """Return the bits of float32 lanes as uint32 lanes."""
    return _converted(x, F32, U32, _B.bitcast)


@intrinsic
def as_float(typing: Any, x: Any) -> Any:
    """Return uint32 lanes taken for the bits of float32."""
    return _converted(x, U32, F32, _B.bitcast)


@intrinsic
def to_float(typing: Any, x: Any) -> Any:
    """Return uint32 lanes, taken for signed numbers, as the nearest float32."""
    return _converted(x, U32, F32, _B.sitofp)


def _converted(x: Any, old: types.Type, new: types.Type, convert: Any) -> Any:
    if not isinstance(x, Lanes) or x.element != old:
        return None

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind = ir.VectorType(_IR[new], WIDTH)
        return _each(context, builder, sig, args, lambda builder, r: convert(builder, r, kind))

    return Lanes(new, x.n)(x), lower


@intrinsic
def unsigned_to_float(typing: Any, x: Any) -> Any:
    """Return uint32 lanes as the nearest float32."""
    return _converted(x, U32, F32, _B.uitofp)


@intrinsic
def between(typing: Any, low: Any, x: Any, high: Any) -> Any:
    """Return uint32 lanes, all taken for signed numbers, cut to low..high."""
    found = _alike(low, x, high)
    if found is None or found[0].element != U32:
        return None
    shape, operands = found

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        def make(builder: Any, low: Any, x: Any, high: Any) -> Any:
            x = _call(builder, f"llvm.smax.v{WIDTH}i32", x.type, x, low)
            return _call(builder, f"llvm.smin.v{WIDTH}i32", x.type, x, high)

        return _each(context, builder, sig, args, make)

    return shape(*operands), lower


@intrinsic
def spread(typing: Any, number: Any) -> Any:
    """Return one register with a float32 in every lane."""

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _each(context, builder, sig, args, lambda builder, r: r)

    return Lanes(F32, 1)(F32), lower


@intrinsic(prefer_literal=True)
def load(typing: Any, array: Any, first: Any, n: Any) -> Any:
    """Return array.ravel()[first :], of float32, uint32 or uint16, as far as fills ``n`` registers.

    ``n`` is a number known when compiling, or lanes: as many registers as those.
    """
    if isinstance(n, Lanes):
        n_registers = n.n
    elif isinstance(n, types.IntegerLiteral):
        n_registers = n.literal_value
    else:
        return None

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind, align = ir.VectorType(_IR[array.dtype], sig.return_type.width), _align(array.dtype)
        out = ir.Constant(context.get_value_type(sig.return_type), ir.Undefined)
        for i in range(sig.return_type.n):
            place = _place(context, builder, sig.args[0], args[0], args[1], i)
            out = builder.insert_value(out, builder.load(place, align=align, typ=kind), i)
        return out

    return Lanes(array.dtype, n_registers)(array, types.int64, n), lower


@intrinsic
def store(typing: Any, array: Any, first: Any, x: Any) -> Any:
    """Write registers to array.ravel()[first :]."""

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        for i in range(sig.args[2].n):
            place = _place(context, builder, sig.args[0], args[0], args[1], i)
            builder.store(builder.extract_value(args[2], i), place, align=_align(array.dtype))
        return context.get_dummy_value()

    return types.void(array, types.int64, x), lower


def _place(context: Any, builder: Any, kind: Any, array: Any, first: Any, register: int) -> Any:
    """Return the address of a register; a negative ``first`` does not count from the end."""
    start = context.make_array(kind)(context, builder, array).data
    width = _width(kind.dtype)
    place = builder.gep(start, [builder.add(first, ir.Constant(_I64, register * width))])
    return builder.bitcast(place, ir.VectorType(_IR[kind.dtype], width).as_pointer())


def _align(element: Any) -> int:
    """Return how many bytes an array's numbers have: more is not known of where one lies."""
    return int(element.bitwidth // 8)


@intrinsic
def load_16_bits(typing: Any, array: Any, first: Any) -> Any:
    """Return array.ravel()[first : first + 16], uint16 taken for signed numbers, as uint32."""
    if array.dtype != U16:
        return None

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        place = _place(context, builder, sig.args[0], args[0], args[1], 0)
        half = ir.VectorType(_I16, WIDTH)
        x = builder.load(builder.bitcast(place, half.as_pointer()), align=2, typ=half)
        out = ir.Constant(context.get_value_type(sig.return_type), ir.Undefined)
        return builder.insert_value(out, builder.sext(x, ir.VectorType(_I32, WIDTH)), 0)

    return Lanes(U32, 1)(array, types.int64), lower


@intrinsic(prefer_literal=True)
def zeros(typing: Any, n: Any) -> Any:
    """Return ``n``, known when compiling, registers of zeros: a shape for ``load``."""
    if not isinstance(n, types.IntegerLiteral):
        return None

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return ir.Constant(context.get_value_type(sig.return_type), None)

    return Lanes(F32, n.literal_value)(n), lower


@intrinsic
def size(typing: Any, x: Any) -> Any:
    """Return how many lanes all registers have, a constant."""
    if not isinstance(x, Lanes):
        return None

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return ir.Constant(_I64, x.n * x.width)

    return types.int64(x), lower


@intrinsic
def mask(typing: Any, truth: Any) -> Any:
    """Return one register of truth as a number, lane i at bit i."""
    if truth != Lanes(TRUTH, 1):
        return None

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        bits = builder.bitcast(builder.extract_value(args[0], 0), ir.IntType(WIDTH))
        return builder.zext(bits, _I64)

    return types.uint64(truth), lower


@intrinsic
def truths(typing: Any, bits: Any) -> Any:
    """Return one register of truth from a number, lane i from bit i: what ``mask`` undoes."""

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        low = builder.trunc(args[0], ir.IntType(WIDTH))
        out = ir.Constant(context.get_value_type(sig.return_type), ir.Undefined)
        register = builder.bitcast(low, ir.VectorType(_IR[TRUTH], WIDTH))
        return builder.insert_value(out, register, 0)

    return Lanes(TRUTH, 1)(types.uint64), lower


@intrinsic
def lowest_bit(typing: Any, word: Any) -> Any:
    """Return the place of the lowest bit that is on, of a word that is not 0."""

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _call(builder, "llvm.cttz.i64", _I64, args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), lower


@intrinsic
def total(typing: Any, x: Any) -> Any:
    """Return the sum of one register's lanes, added in float64."""
    return _across(x, _B.fadd)


@intrinsic
def whole_total(typing: Any, x: Any) -> Any:
    """Return the sum of one register's whole numbers, modulo 2^32."""
    if x != Lanes(U32, 1):
        return None

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        register = builder.extract_value(args[0], 0)
        return _call(builder, f"llvm.vector.reduce.add.v{WIDTH}i32", _I32, register)

    return types.uint32(x), lower


@intrinsic
def product(typing: Any, x: Any) -> Any:
    """Return the product of one register's lanes, multiplied in float64."""
    return _across(x, _B.fmul)


def _across(x: Any, make: Callable[..., Any]) -> Any:
    if x != Lanes(F32, 1):
        return None

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        wide = builder.fpext(builder.extract_value(args[0], 0), ir.VectorType(_F64, WIDTH))
        half = WIDTH
        while half > 1:  # lower half with upper half, until one is left
            half //= 2
            low, high = (
                builder.shuffle_vector(wide, wide, ir.Constant(ir.VectorType(_I32, half), places))
                for places in (list(range(half)), list(range(half, 2 * half)))
            )
            wide = make(builder, low, high)
        return builder.extract_element(wide, ir.Constant(_I32, 0))

    return types.float64(x), lower


part: Any = nb.njit(nogil=True, error_model="numpy", forceinline=True)
"""Decorates what becomes part of each kernel that calls it."""

written_out: Any = nb.njit(nogil=True, error_model="numpy", inline="always")
"""Likewise, but before LLVM sees it: numbers that a caller writes down leave no loop about them."""

function: Any = nb.njit(nogil=True, error_model="numpy")
"""Decorates what is large and called seldom: kernels that call it are compiled sooner."""
