"""A frozen dataclass from a plain tree, strictly. Standard library only, so that the kinetic models can be read by
whoever installs the kinetics alone.

In: what a TOML reader gave, and the dataclass that it must fill. Out: that fact, or `EvidenceInvalid` with the field.
"""

import dataclasses
import math
import types
import typing
from typing import Any, TypeVar

from vigil.evidence.invalid import EvidenceInvalid

T = TypeVar("T")


def fill(tree: object, into: type[T], *, file: str, path: str = "$") -> T:
    """The tree as a frozen fact; nothing is ignored, guessed or converted but a whole number to a float.

    Args:
        tree: a mapping of plain values.
        into: a frozen dataclass; nested dataclasses, tuples of them, literals and `None` are followed.
        file: name for messages.
        path: where in the file the tree stands.

    Raises:
        EvidenceInvalid: an undeclared or missing field or a wrong type; names file, field and value.
    """
    if not isinstance(tree, dict):
        raise EvidenceInvalid(file=file, field=path, value=tree, limit="a table was expected")
    hints = typing.get_type_hints(into)
    for name, value in tree.items():
        if name not in hints:
            raise EvidenceInvalid(
                file=file,
                field=f"{path}.{name}",
                value=value,
                limit=f"the field is not declared; declared: {', '.join(sorted(hints))}",
            )
    filled = {}
    for entry in dataclasses.fields(into):  # type: ignore[arg-type]
        where = f"{path}.{entry.name}"
        if entry.name in tree:
            filled[entry.name] = _value(tree[entry.name], hints[entry.name], file=file, path=where)
        elif entry.default is dataclasses.MISSING and entry.default_factory is dataclasses.MISSING:
            raise EvidenceInvalid(file=file, field=where, value=None, limit="it must be given")
    return into(**filled)


def _value(value: object, wanted: Any, *, file: str, path: str) -> object:
    """The value as the wanted type, or a refusal that names both."""
    if isinstance(wanted, types.UnionType):
        wanted = next(a for a in typing.get_args(wanted) if a is not type(None))
    origin = typing.get_origin(wanted)
    if origin is typing.Literal:
        choices = typing.get_args(wanted)
        if value not in choices or isinstance(value, bool):
            raise EvidenceInvalid(
                file=file, field=path, value=value, limit=f"one of {', '.join(map(str, choices))}"
            )
        return value
    if origin is tuple:
        if not isinstance(value, list):
            raise EvidenceInvalid(file=file, field=path, value=value, limit="a list was expected")
        item = typing.get_args(wanted)[0]
        return tuple(
            _value(v, item, file=file, path=f"{path}[{index}]") for index, v in enumerate(value)
        )
    if dataclasses.is_dataclass(wanted):
        return fill(value, typing.cast(type[Any], wanted), file=file, path=path)
    return _plain(value, wanted, file=file, path=path)


def _plain(value: object, wanted: type, *, file: str, path: str) -> object:
    # A bool is an int in Python; here it never stands for a number.
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if wanted is float and is_number and math.isfinite(typing.cast(float, value)):
        return float(typing.cast(float, value))
    if type(value) is wanted and wanted is not float:
        if wanted is str and not typing.cast(str, value).strip():
            raise EvidenceInvalid(file=file, field=path, value=value, limit="it must not be empty")
        return value
    raise EvidenceInvalid(file=file, field=path, value=value, limit=f"{wanted.__name__} expected")
