"""Small slips that a person could make in a module, one at a time.

In: the text of a Python module. Out: mutants, each the whole text again with one slip in it. Left alone, because a slip
there changes no answer: annotations, decorators, docstrings, asserts, messages, formatted text.
"""

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

Node = TypeVar("Node", bound=ast.AST)

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
"""Each comparison as its neighbour at the boundary and as its opposite."""

OPERATORS: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Add, ast.FloorDiv),
    ast.Div: (ast.Mult,),
    ast.FloorDiv: (ast.Mult, ast.Div, ast.Mod),
    ast.Mod: (ast.Mult, ast.FloorDiv),
    ast.Pow: (ast.Mult,),
    ast.MatMult: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
}

NAMES = {"min": "max", "max": "min", "floor": "ceil", "ceil": "floor", "any": "all", "all": "any"}
"""Functions that are easily taken for each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One slip: the line it is on, what stood there, what stands there now, and the whole module with it."""

    line: int
    before: str
    after: str
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.before}  ->  {self.after or '(removed)'}"


def mutants(text: str) -> Iterator[Mutant]:
    """Every mutant of a module, from the top of the file down."""
    tree = ast.parse(text)
    nodes = list(ast.walk(tree))
    for place, node in enumerate(nodes):
        # Copies of the tree keep the number, so the node is found again in each of them.
        node.place = place  # type: ignore[attr-defined]
    left_alone = set(_left_alone(nodes))
    sites = [node for node in nodes if id(node) not in left_alone]
    for node in sorted(sites, key=lambda each: (getattr(each, "lineno", 0), each.place)):
        for changed in _slips(node):
            mutated = ast.fix_missing_locations(
                _Put(node.place, changed).visit(copy.deepcopy(tree))
            )
            yield Mutant(
                line=node.lineno,
                before=ast.unparse(node),
                after="" if isinstance(changed, ast.Pass) else ast.unparse(changed),
                text=ast.unparse(mutated),
            )


class _Put(ast.NodeTransformer):
    """The tree with one node replaced."""

    def __init__(self, place: int, changed: ast.AST) -> None:
        self.place = place
        self.changed = changed

    def visit(self, node: ast.AST) -> ast.AST:
        if getattr(node, "place", None) == self.place:
            return ast.copy_location(copy.deepcopy(self.changed), node)
        return self.generic_visit(node)


def _left_alone(nodes: list[ast.AST]) -> Iterator[int]:
    for node in nodes:
        for root in _roots_left_alone(node):
            yield from map(id, ast.walk(root))


def _roots_left_alone(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of a node in which a slip changes no answer."""
    yield from getattr(node, "decorator_list", [])
    for name in ("annotation", "returns"):
        if (annotation := getattr(node, name, None)) is not None:
            yield annotation
    if isinstance(node, ast.Assert | ast.JoinedStr | ast.Import | ast.ImportFrom):
        yield node
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        yield node
    if isinstance(node, ast.keyword) and node.arg == "message":
        yield node
    if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "Literal":
        yield node


def _slips(node: ast.AST) -> Iterator[ast.AST]:
    """What could stand there by mistake."""
    if isinstance(node, ast.Compare):
        yield from _compare_slips(node)
    elif isinstance(node, ast.BinOp | ast.AugAssign):
        for operator in OPERATORS.get(type(node.op), ()):
            yield _with(node, op=operator())
    elif isinstance(node, ast.BoolOp):
        yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not):
        yield node.operand
    elif isinstance(node, ast.Constant):
        yield from (_with(node, value=value) for value in _values(node.value))
    elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in NAMES:
        yield _with(node, func=_renamed(node.func))
    elif isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield _with(node, value=ast.Constant(None))
    elif isinstance(node, ast.Raise) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    ):
        yield ast.Pass()
    elif isinstance(node, ast.If | ast.IfExp | ast.While) and not isinstance(
        node.test, ast.Compare | ast.BoolOp | ast.UnaryOp
    ):
        yield _with(node, test=ast.UnaryOp(op=ast.Not(), operand=node.test))


def _compare_slips(node: ast.Compare) -> Iterator[ast.Compare]:
    for position, operator in enumerate(node.ops):
        for other in COMPARISONS[type(operator)]:
            yield _with(node, ops=[*node.ops[:position], other(), *node.ops[position + 1 :]])


def _values(value: object) -> tuple[object, ...]:
    """Other constants of the same type."""
    if isinstance(value, bool):
        return (not value,)
    if isinstance(value, int):
        return (value + 1, value - 1)
    if isinstance(value, float):
        return (value * 1.01 + 0.001,)
    if isinstance(value, str):
        return (value + "~",)
    return ()


def _renamed(function: ast.expr) -> ast.expr:
    if isinstance(function, ast.Attribute):
        return _with(function, attr=NAMES[function.attr])
    return ast.Name(id=NAMES[ast.unparse(function)], ctx=ast.Load())


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _with(node: Node, **changed: object) -> Node:
    """A copy of the node with some fields changed."""
    other = copy.copy(node)
    for name, value in changed.items():
        setattr(other, name, value)
    return other
