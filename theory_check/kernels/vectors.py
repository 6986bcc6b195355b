"""Vectors of sixteen lanes as values of a kernel: ``load``, ``store`` and arithmetic on whole vectors.

A loop over lanes goes through memory between one statement and the next; a vector stays in a register. Three types, of
unsigned words and of numbers in single and in double precision, in portable LLVM: a processor without registers of 512
bits takes two or four instructions for one, with the same values. As everywhere in the kernels, ``x * y + z`` is
rounded once where the processor can.
"""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model

from theory_check.kernels import LANES

#: Lanes of a vector.
SIZE = 16
assert LANES % SIZE == 0


def _is_wide() -> bool:
    """Tell whether code is compiled for registers of 512 bits, by the features that Numba is told or finds."""
    told = config.CPU_FEATURES
    if told is None:
        return not config.CPU_NAME and bool(get_host_cpu_features().get("avx512f", False))
    return "+avx512f" in told.split(",")


#: Whether a vector is one register.
WIDE = _is_wide()

_BITS = ir.IntType(32)
_VECTORS = {
    types.uint32: ir.VectorType(_BITS, SIZE),
    types.float32: ir.VectorType(ir.FloatType(), SIZE),
    types.float64: ir.VectorType(ir.DoubleType(), SIZE),
}


class Vector(types.Type):
    """Sixteen lanes of one type of number."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(f"Vector({dtype})")


WORDS = Vector(types.uint32)
SINGLES = Vector(types.float32)
DOUBLES = Vector(types.float64)
_OF = {types.uint32: WORDS, types.float32: SINGLES, types.float64: DOUBLES}


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, vector: Vector) -> None:
        super().__init__(manager, vector, _VECTORS[vector.dtype])


def _constant(value: int) -> Any:
    return ir.Constant(_VECTORS[types.uint32], [value] * SIZE)


def _place(context: Any, builder: Any, array: Any, value: Any, index: Any) -> Any:
    """Return the address of sixteen numbers of an array from an index on."""
    data = context.make_array(array)(context, builder, value).data
    return builder.bitcast(builder.gep(data, [index]), _VECTORS[array.dtype].as_pointer())


@intrinsic
def load(typing, array, index):
    """Return the sixteen numbers ``array[index], array[index + 1], ...``."""

    def generate(context, builder, signature, arguments):
        return builder.load(_place(context, builder, signature.args[0], *arguments), align=4)

    return _OF[array.dtype](array, types.intp), generate


@intrinsic
def store(typing, array, index, vector):
    """Write a vector to ``array[index], array[index + 1], ...``."""

    def generate(context, builder, signature, arguments):
        builder.store(arguments[2], _place(context, builder, signature.args[0], *arguments[:2]), align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, _OF[array.dtype]), generate


@intrinsic
def zeros(typing):
    """Return sixteen zeros."""

    def generate(context, builder, signature, arguments):
        return ir.Constant(_VECTORS[types.float32], [0.0] * SIZE)

    return SINGLES(), generate


def _repeated(builder: Any, dtype: Any, number: Any) -> Any:
    single = builder.insert_element(ir.Constant(_VECTORS[dtype], ir.Undefined), number, _BITS(0))
    return builder.shuffle_vector(single, single, _constant(0))


@intrinsic
def repeat(typing, number):
    """Return sixteen times a word or a number."""

    def generate(context, builder, signature, arguments):
        return _repeated(builder, signature.args[0], arguments[0])

    return _OF[number](number), generate


@intrinsic
def repeat_entry(typing, array, index):
    """Return sixteen times ``array[index]``; the index is not negative, which takes time to find out."""

    def generate(context, builder, signature, arguments):
        kind = signature.args[0]
        data = context.make_array(kind)(context, builder, arguments[0]).data
        return _repeated(builder, kind.dtype, builder.load(builder.gep(data, [arguments[1]])))

    return _OF[array.dtype](array, types.intp), generate


@intrinsic
def transpose(typing, source, place, step, target, target_place, target_step):
    """Write ``target[target_place + l * target_step + k] = source[place + k * step + l]`` for k, l = 0 .. 15.

    Four rounds; in the round of distance h, vectors k and k + h exchange the lanes in which they differ by h.
    """

    def generate(context, builder, signature, arguments):
        def address(array, base, stride, number):
            index = builder.add(arguments[base], builder.mul(arguments[stride], ir.Constant(ir.IntType(64), number)))
            return _place(context, builder, signature.args[array], arguments[array], index)

        rows = [builder.load(address(0, 1, 2, k), align=4) for k in range(SIZE)]
        for distance in (1, 2, 4, 8):
            for k in range(SIZE):
                if not k & distance:
                    pair = rows[k], rows[k + distance]
                    for more in (0, distance):
                        # Of the second vector, numbered from SIZE on, where the lane has the bit of the distance.
                        lanes = [(SIZE - distance if n & distance else 0) + n + more for n in range(SIZE)]
                        mask = ir.Constant(_VECTORS[types.uint32], lanes)
                        rows[k + more] = builder.shuffle_vector(*pair, mask)
        for number, row in enumerate(rows):
            builder.store(row, address(3, 4, 5, number), align=4)
        return context.get_dummy_value()

    return types.void(source, types.intp, types.intp, target, types.intp, types.intp), generate


@intrinsic
def counting(typing):
    """Return the words 0 to 15."""

    def generate(context, builder, signature, arguments):
        return ir.Constant(_VECTORS[types.uint32], list(range(SIZE)))

    return WORDS(), generate


def _half_of_product(shift: int) -> Any:
    @intrinsic(prefer_literal=True)
    def half(typing, words, number):
        factor = number.literal_value

        def generate(context, builder, signature, arguments):
            wide = ir.VectorType(ir.IntType(64), SIZE)
            product = builder.mul(builder.zext(arguments[0], wide), ir.Constant(wide, [factor] * SIZE))
            moved = builder.lshr(product, ir.Constant(wide, [shift] * SIZE))
            return builder.trunc(moved, _VECTORS[types.uint32])

        return WORDS(WORDS, number), generate

    return half


#: Lower and upper word of the product of every word with a literal number of 32 bits.
low_product = _half_of_product(0)
high_product = _half_of_product(32)


@intrinsic
def to_singles(typing, vector):
    """Return numbers in double precision, or words, read as whole numbers with sign, rounded to single precision."""

    def generate(context, builder, signature, arguments):
        convert = builder.fptrunc if vector is DOUBLES else builder.sitofp
        return convert(arguments[0], _VECTORS[types.float32])

    return SINGLES(vector), generate


@intrinsic
def to_doubles(typing, vector):
    """Return the numbers in double precision."""

    def generate(context, builder, signature, arguments):
        if vector is DOUBLES:
            return arguments[0]
        return builder.fpext(arguments[0], _VECTORS[types.float64])

    return DOUBLES(vector), generate


@intrinsic
def all_between(typing, vector, lower, upper):
    """Tell whether every lane of a vector of doubles lies strictly between two numbers."""

    def generate(context, builder, signature, arguments):
        ends = [_repeated(builder, types.float64, end) for end in arguments[1:]]
        above = builder.fcmp_ordered(">", arguments[0], ends[0])
        inside = builder.and_(above, builder.fcmp_ordered("<", arguments[0], ends[1]))
        lanes = ir.IntType(SIZE)
        return builder.icmp_unsigned("==", builder.bitcast(inside, lanes), ir.Constant(lanes, 2**SIZE - 1))

    return types.boolean(DOUBLES, types.float64, types.float64), generate


@intrinsic
def signs_of(typing, vector):
    """Return a word of 16 bits: bit l tells whether lane l of a vector of singles is above 0."""

    def generate(context, builder, signature, arguments):
        above = builder.fcmp_ordered(">", arguments[0], ir.Constant(_VECTORS[types.float32], [0.0] * SIZE))
        return builder.bitcast(above, ir.IntType(SIZE))

    return types.uint16(SINGLES), generate


@intrinsic
def choose(typing, word, set_lanes, other_lanes):
    """Return the first of two vectors of singles in lanes whose bit of a word of 16 is set, the second in others."""

    def generate(context, builder, signature, arguments):
        lanes = builder.bitcast(arguments[0], ir.VectorType(ir.IntType(1), SIZE))
        return builder.select(lanes, *arguments[1:])

    return SINGLES(types.uint16, SINGLES, SINGLES), generate


@intrinsic
def view(typing, vector):
    """Return the same bits as the other type."""
    other = WORDS if vector is SINGLES else SINGLES

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], _VECTORS[other.dtype])

    return other(vector), generate


@intrinsic(prefer_literal=True)
def rotate(typing, words, places):
    """Rotate every word to the left by a literal number of places."""
    count = places.literal_value

    def generate(context, builder, signature, arguments):
        words = _VECTORS[types.uint32]
        funnel = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(words, [words] * 3), f"llvm.fshl.v{SIZE}i32"
        )
        return builder.call(funnel, [arguments[0], arguments[0], _constant(count)])

    return WORDS(WORDS, places), generate


@intrinsic(prefer_literal=True)
def _shift_left(typing, words, places):
    count = places.literal_value

    def generate(context, builder, signature, arguments):
        return builder.shl(arguments[0], _constant(count))

    return WORDS(WORDS, places), generate


@intrinsic(prefer_literal=True)
def _and_number(typing, words, mask):
    bits = mask.literal_value

    def generate(context, builder, signature, arguments):
        return builder.and_(arguments[0], _constant(bits))

    return WORDS(WORDS, mask), generate


def _binary(vector: Vector, instruction: str, **options: Any) -> Any:
    @intrinsic
    def apply(typing, first, second):
        def generate(context, builder, signature, arguments):
            return getattr(builder, instruction)(*arguments, **options)

        return vector(vector, vector), generate

    return apply


_add_words = _binary(WORDS, "add")
_xor_words = _binary(WORDS, "xor")
_add_singles = _binary(SINGLES, "fadd", flags=("contract",))
_add_doubles = _binary(DOUBLES, "fadd", flags=("contract",))
_multiply_singles = _binary(SINGLES, "fmul", flags=("contract",))
_multiply_doubles = _binary(DOUBLES, "fmul", flags=("contract",))


@overload(operator.add)
def _add(first, second):
    if first is WORDS and second is WORDS:
        return lambda first, second: _add_words(first, second)
    if first is SINGLES and second is SINGLES:
        return lambda first, second: _add_singles(first, second)
    if first is DOUBLES and second is DOUBLES:
        return lambda first, second: _add_doubles(first, second)
    return None


@overload(operator.mul)
def _mul(first, second):
    if first is SINGLES and second is SINGLES:
        return lambda first, second: _multiply_singles(first, second)
    if first is DOUBLES and second is DOUBLES:
        return lambda first, second: _multiply_doubles(first, second)
    return None


@overload(operator.xor)
def _xor(first, second):
    if first is WORDS and second is WORDS:
        return lambda first, second: _xor_words(first, second)
    return None


@overload(operator.lshift, prefer_literal=True)
def _lshift(words, places):
    if words is WORDS and isinstance(places, types.IntegerLiteral):
        return lambda words, places: _shift_left(words, places)
    return None


@overload(operator.and_, prefer_literal=True)
def _and(words, mask):
    if words is WORDS and isinstance(mask, types.IntegerLiteral):
        return lambda words, mask: _and_number(words, mask)
    return None
