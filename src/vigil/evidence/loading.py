"""Read one evidence file strictly: what is not declared is refused, never ignored.

In: YAML text, its name, and the frozen dataclass that it must fill. Out: that fact and the hash of the bytes.
"""

import dataclasses
import re
import types
import typing
from importlib import resources
from typing import Any, TypeVar

import msgspec
import yaml

from vigil.evidence.invalid import EvidenceInvalid, EvidenceMissing

T = TypeVar("T")
_PLAIN_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)


class _OnceLoader(yaml.SafeLoader):
    """YAML's safe loader, but a key that is written twice is refused instead of silently replaced."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the field {key!r} is written twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def evidence_ids(folder: str) -> tuple[str, ...]:
    """The names of the files in one evidence folder, sorted."""
    here = resources.files("vigil.evidence") / "data" / folder
    return tuple(sorted(f.name[:-5] for f in here.iterdir() if f.name.endswith(".yaml")))


def evidence_bytes(folder: str, name: str) -> bytes:
    """The bytes of one evidence file.

    Raises:
        EvidenceMissing: no file has that name.
    """
    known = evidence_ids(folder)
    if _PLAIN_NAME.fullmatch(name) is None or name not in known:
        raise EvidenceMissing(folder=folder, name=name, known=known)
    file = resources.files("vigil.evidence") / "data" / folder / f"{name}.yaml"
    return file.read_bytes()


def read_evidence(content: bytes, into: type[T], *, file: str) -> T:
    """The file as a frozen fact.

    Args:
        content: UTF-8 YAML, one mapping.
        into: a frozen dataclass; nested dataclasses and tuples of them are followed.
        file: name for messages.

    Raises:
        EvidenceInvalid: not YAML, a field twice, an undeclared or missing field, or a wrong type.
    """
    try:
        # _OnceLoader is a SafeLoader: it builds plain values only.
        tree = yaml.load(content, Loader=_OnceLoader)  # noqa: S506
    except yaml.YAMLError as error:
        raise EvidenceInvalid(file=file, field="$", value="text", limit=str(error)) from error
    _refuse_undeclared(tree, into, path="$", file=file)
    try:
        return msgspec.convert(tree, into, strict=True)
    except msgspec.ValidationError as error:
        text = str(error)
        field = text.rpartition(" - at `")[2].rstrip("`") if " - at `" in text else "$"
        value = _value_at(tree, field)
        raise EvidenceInvalid(file=file, field=field, value=value, limit=text) from error


def _refuse_undeclared(tree: object, wanted: Any, *, path: str, file: str) -> None:
    """Raise for the first field that `wanted` does not declare, at any depth."""
    if isinstance(tree, list):
        arguments = typing.get_args(wanted)
        for index, item in enumerate(tree):
            _refuse_undeclared(
                item, arguments[0] if arguments else object, path=f"{path}[{index}]", file=file
            )
        return
    if isinstance(wanted, types.UnionType):
        wanted = next((a for a in typing.get_args(wanted) if dataclasses.is_dataclass(a)), object)
    if not isinstance(tree, dict) or not dataclasses.is_dataclass(wanted):
        return
    hints = typing.get_type_hints(wanted)
    for name, value in tree.items():
        if name not in hints:
            raise EvidenceInvalid(
                file=file,
                field=f"{path}.{name}",
                value=value,
                limit=f"the field {name!r} is not declared; declared: {', '.join(sorted(hints))}",
            )
        _refuse_undeclared(value, hints[name], path=f"{path}.{name}", file=file)


def _value_at(tree: Any, path: str) -> object:
    """What stands at a path such as `$.dosing.minutes[2]`, or None when it leads nowhere."""
    for name, index in re.findall(r"\.([A-Za-z_0-9]+)|\[(\d+)\]", path):
        try:
            tree = tree[name] if name else tree[int(index)]
        except (KeyError, IndexError, TypeError):
            return None
    return tree
