"""One small change each: what may be wrong in the code of the pure rooms."""

from __future__ import annotations

import ast
import copy
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]
SOURCES: Final = (
    "bms/control/**/*.py",
    "bms/energy/**/*.py",
    "schedules/**/*.py",
    "drivers/codec/**/*.py",
    "drivers/modbus/**/plan*.py",
    "drivers/modbus/**/readplan.py",
    "drivers/modbus/**/frames.py",
    "drivers/modbus/**/rtu.py",
)

COMPARED: Final[Mapping[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
COMPUTED: Final[Mapping[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div, ast.Mod: ast.FloorDiv, ast.LShift: ast.RShift, ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
}  # fmt: skip
SWAPPED: Final = {"min": "max", "max": "min", "any": "all", "all": "any"}
UNTOUCHED: Final = {"msg", "say", "plural", "joined", "quoted", "Field", "cast", "TypeVar"}
"""Calls whose arguments are words, declarations or types, not decisions."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: the `number`-th place of a file that can be changed."""

    file: str
    number: int
    line: int
    was: str
    is_now: str
    begins: int = 0
    """The first line of its statement."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.was} -> {self.is_now}"


def changed(node: ast.AST) -> ast.AST | None:
    """The node with one thing wrong; None if there is nothing to change."""
    new = copy.copy(node)
    match new:
        case ast.Compare(ops=[op]) if type(op) in COMPARED:
            new.ops = [COMPARED[type(op)]()]
        case ast.BinOp(op=op) if type(op) in COMPUTED and not _text(new):
            new.op = COMPUTED[type(op)]()
        case ast.AugAssign(op=op) if type(op) in COMPUTED:
            new.op = COMPUTED[type(op)]()
        case ast.BoolOp(op=op):
            new.op = ast.Or() if isinstance(op, ast.And) else ast.And()
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            return operand
        case ast.Constant(value=bool(value)):
            new.value = not value
        case ast.Constant(value=int(value) | float(value)):
            new.value = value + 1
        case ast.Call(func=ast.Name(id=name) as func) if name in SWAPPED:
            new.func = ast.Name(SWAPPED[name], func.ctx)
        case ast.If(test=test) | ast.IfExp(test=test) if not isinstance(test, ast.Compare):
            new.test = ast.UnaryOp(ast.Not(), test)
        case ast.Continue():
            return ast.Break()
        case _:
            return None
    return new


class Place(NamedTuple):
    """Something that can be changed."""

    parent: ast.AST
    field: str
    position: int | None
    node: ast.AST
    begins: int
    """The first line of its statement."""


def places(tree: ast.Module) -> Iterator[Place]:
    """Everything in functions that can be changed."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for index, statement in enumerate(node.body):
                yield from _places(node, "body", index, statement, statement.lineno)


def _places(
    parent: ast.AST, name: str, index: int | None, node: ast.AST, begins: int
) -> Iterator[Place]:
    if isinstance(node, ast.stmt):
        begins = node.lineno
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Raise):
        return  # a function within is met by the walk; what an error says is no decision
    if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in UNTOUCHED:
        return
    if isinstance(node, ast.Assert | ast.JoinedStr):
        return
    if isinstance(node, ast.keyword) and node.arg == "strict":
        return  # like an assertion: nothing is seen of it while the code is right
    if changed(node) is not None:
        yield Place(parent, name, index, node, begins)
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns"):
            continue
        if isinstance(value, ast.AST):
            yield from _places(node, field, None, value, begins)
        elif isinstance(value, list):
            for position, item in enumerate(value):
                if isinstance(item, ast.AST):
                    yield from _places(node, field, position, item, begins)


def _text(node: ast.BinOp) -> bool:
    """Whether texts are put together or filled in."""
    return any(
        isinstance(part, ast.JoinedStr)
        or (isinstance(part, ast.Constant) and isinstance(part.value, str))
        for part in (node.left, node.right)
    )


def mutants(root: Path = ROOT) -> list[Mutant]:
    """Every mutant of the pure rooms."""
    found = []
    for path in sorted({path for pattern in SOURCES for path in root.glob(pattern)}):
        file = path.relative_to(root).as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for number, place in enumerate(places(tree)):
            new = changed(place.node)
            assert new is not None
            line: int = getattr(place.node, "lineno", 0)
            found.append(Mutant(file, number, line, _shown(place.node), _shown(new), place.begins))
    return found


def _shown(node: ast.AST) -> str:
    text = ast.unparse(node.test if isinstance(node, ast.If) else node)
    return text if len(text) <= 70 else f"{text[:67]}..."


def mutated(file: str, number: int) -> types.CodeType:
    """The code of a file with one change."""
    path = ROOT / file
    tree = ast.parse(path.read_text(encoding="utf-8"))
    place = list(places(tree))[number]
    new = changed(place.node)
    assert new is not None
    ast.copy_location(new, place.node)
    if place.position is None:
        setattr(place.parent, place.field, new)
    else:
        getattr(place.parent, place.field)[place.position] = new
    ast.fix_missing_locations(tree)
    return compile(tree, str(path), "exec")
