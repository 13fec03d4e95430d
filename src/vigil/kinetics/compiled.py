"""Machine code from plain functions: compiled on first use, kept on disk, free of the interpreter.

In: a function in the part of Python that Numba knows. Out: the same function, compiled, or as it is where Numba is absent.
Nothing here compiles when it is imported; import it only where many numbers are wanted.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

numba: Any
try:
    import numba

    if numba.config.DISABLE_JIT:
        # Told not to compile: its intrinsics have no Python in them, so it is as good as absent.
        numba = None
except ImportError:
    numba = None

F = TypeVar("F", bound=Callable[..., Any])

IS_COMPILED = numba is not None
"""Whether `compiled` compiles; without Numba the engines use NumPy instead (`engine`, `population`)."""

LINE_DOUBLES = 8
"""Doubles in a cache line of 64 bytes."""

_OPTIONS: dict[str, Any] = {
    # Several threads may run a function at once; it holds no state.
    "nogil": True,
    # A product and a sum in one rounding. No other liberty with the order of sums is given.
    "fastmath": {"contract"},
    # A division by zero gives infinity, as NumPy's does, without a test at each division.
    "error_model": "numpy",
}


def compiled(function: F) -> F:
    """The function as machine code, kept on disk where that is allowed."""
    if numba is None:
        return function
    try:
        made = numba.njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:
        # An installed package and a home that nobody may write to: compiled anew in each process.
        made = numba.njit(**_OPTIONS)(function)
    return made  # type: ignore[no-any-return]


def _line_copier() -> Any:
    """Copies `LINE_DOUBLES` doubles between two addresses past the caches; the target is aligned to a line.

    Without Numba there is none, and nothing calls it.
    """
    if numba is None:
        return None
    from llvmlite import ir  # type: ignore[import-untyped]
    from numba.core import types
    from numba.extending import intrinsic

    def copy(_context, target, source):
        def generate(context, builder, _signature, arguments):
            line = ir.VectorType(ir.DoubleType(), LINE_DOUBLES)
            to, from_ = (builder.inttoptr(a, line.as_pointer()) for a in arguments)
            value = builder.load(from_, align=8)
            stored = builder.store(value, to, align=8 * LINE_DOUBLES)
            stored.set_metadata("nontemporal", builder.module.add_metadata([ir.IntType(32)(1)]))
            return context.get_dummy_value()

        return types.void(types.uintp, types.uintp), generate

    return intrinsic(copy)


_copy_line = _line_copier()


@compiled
def stream(target, source, count):
    """target[:count] = source[:count], past the caches.

    An ordinary store first reads the line that it overwrites; over an array far larger than the caches that doubles what the
    memory has to carry. Both arrays are contiguous.
    """
    to, from_ = target.ctypes.data, source.ctypes.data
    ahead = min(count, (-to % (8 * LINE_DOUBLES)) // 8)
    for j in range(ahead):
        target[j] = source[j]
    lines = (count - ahead) // LINE_DOUBLES
    for line in range(lines):
        place = 8 * (ahead + line * LINE_DOUBLES)
        _copy_line(np.uintp(to + place), np.uintp(from_ + place))
    for j in range(ahead + lines * LINE_DOUBLES, count):
        target[j] = source[j]


def _bits(to_bits: bool) -> Any:
    """The bits of a double as a whole number, or the other way round; what `struct` does, in one register."""
    if numba is None:
        import struct

        forms = ("<d", "<q") if to_bits else ("<q", "<d")
        return lambda value: struct.unpack(forms[1], struct.pack(forms[0], value))[0]
    from llvmlite import ir
    from numba.core import types
    from numba.extending import intrinsic

    def cast(_context, value):
        def generate(_inner, builder, _signature, arguments):
            return builder.bitcast(arguments[0], ir.IntType(64) if to_bits else ir.DoubleType())

        return (types.int64(types.float64) if to_bits else types.float64(types.int64)), generate

    return intrinsic(cast)


bits_of = _bits(True)
double_of = _bits(False)
