"""The role that pages act as may lock rows of exactly those append-only tables whose rows some writer locks."""

import ast
import importlib
from pathlib import Path

from django.db.models import Model

from vigil.config.app_role import ROW_LOCKED

SOURCES = sorted((Path(__file__).parents[2] / "src" / "vigil").rglob("*.py"))


def is_guarded(model: type[Model]) -> bool:
    """Whether a trigger keeps its rows from being updated or deleted."""
    return any(trigger.name.endswith("_row") for trigger in getattr(model._meta, "triggers", []))


def root_of(node: ast.AST) -> str | None:
    """`Row` in `Row.objects.filter(...).select_for_update(...)`."""
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Attribute):
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        else:
            return None
    return node.id


def locked_models(text: str) -> set[tuple[str, str]]:
    """Module and class of every model whose rows this source locks; `?` for a lock that cannot be followed."""
    tree = ast.parse(text)
    imported = {
        alias.asname or alias.name: (node.module or "", alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    roots = {
        root_of(node.func)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "select_for_update"
    }  # fmt: skip
    return {imported.get(root or "", ("?", root or "?")) for root in roots}


def test_every_row_lock_on_a_table_that_is_never_edited_is_granted() -> None:
    """A lock without the right would fail in the clinic and in no test that acts as the owner."""
    found = set().union(*(locked_models(path.read_text()) for path in SOURCES))
    assert len(found) > 8
    assert not [where for where in found if where[0] == "?"], (
        "lock rows as Model.objects...select_for_update()"
    )

    models = [getattr(importlib.import_module(module), name) for module, name in found]
    guarded = {model._meta.db_table for model in models if is_guarded(model)}

    assert guarded == set(ROW_LOCKED)


def test_the_rule_sees_a_planted_lock() -> None:
    """Positive control of the test above."""
    text = "from vigil.custody.models import Act as ActRow\nActRow.objects.filter(x=1).select_for_update(of=('self',)).get()\n"

    assert locked_models(text) == {("vigil.custody.models", "Act")}
    assert locked_models("rows.select_for_update()") == {("?", "rows")}
