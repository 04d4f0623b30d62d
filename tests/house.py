"""Measures the plan of the house: `python -m tests.house [TREE]` (part of make check).

A *room* is a package of `bms`, `bms.__main__`, or one of the packages beside `bms`. (In an older
tree a loose module of `bms` is a room too.) An *arrow* leads from one room to another that it
imports, anywhere in its modules: at the top, within a function, or for types only. An arrow runs
*up* if the layers of `pyproject.toml` do not allow it. All is read from the source; nothing is
imported.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("bms", "drivers", "schedules", "simulators")
LEAVES = ("drivers", "schedules")
LOWEST = "bms.texts"
"""The one room of `bms` that leaves may know."""

MOST_ROOMS = 24
MOST_ARROWS = 130
MOST_LINES = 450
MANY_LINES = 400
MOST_PARAMETERS = 8
MOST_FILES = 12
"""In one folder, `__init__` not counted: a room with more has sub-rooms."""

SAME_MEANING: Mapping[str, str] = {
    "clock": "the one place that asks for the time",
    "driver": "one driver per protocol",
    "errors": "the tree of errors of one package",
    "points": "what a point is: on its way from the field, and to the people of a site",
    "status": "how something that runs is doing",
    "writing": "how one protocol writes",
}
"""Module names that may occur more than once, because they mean the same wherever they occur."""


@dataclass(frozen=True)
class Module:
    """One source file, parsed."""

    name: str
    """Dotted; a package is named by its folder."""
    path: Path
    lines: int
    tree: ast.Module

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"

    @property
    def stem(self) -> str:
        return self.name.rpartition(".")[2]


@dataclass(frozen=True)
class House:
    """The modules of a tree, and what follows from them."""

    root: Path
    modules: tuple[Module, ...]
    layers: tuple[frozenset[str], ...] = ()
    """Names of rooms inside `bms`, top to bottom; rooms of one layer do not know each other."""

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset(module.name for module in self.modules)

    @cached_property
    def rooms(self) -> list[str]:
        return sorted({room_of(module.name) for module in self.modules} - {"bms"})

    @cached_property
    def arrows(self) -> dict[tuple[str, str], str]:
        """(from room, to room) → one import that draws it."""
        found: dict[tuple[str, str], str] = {}
        for module in self.modules:
            source = room_of(module.name)
            for imported, line in sorted(imports(module, self.names), key=lambda found: found[1]):
                target = room_of(imported)
                if target != source and "bms" not in (source, target):
                    place = f"{module.path.relative_to(self.root)}:{line} imports {imported}"
                    found.setdefault((source, target), place)
        return dict(sorted(found.items()))

    @cached_property
    def circles(self) -> list[list[str]]:
        """Sets of rooms of which each reaches each other."""
        onward: dict[str, set[str]] = {room: set() for room in self.rooms}
        for source, target in self.arrows:
            onward[source].add(target)
        reached = {room: _reached(room, onward) for room in self.rooms}
        circles = {
            tuple(sorted({other for other in reached[room] if room in reached[other]}))
            for room in self.rooms
            if room in reached[room]
        }
        return sorted(map(list, circles))

    @cached_property
    def up(self) -> list[str]:
        """Imports against the order of the layers, one per arrow."""
        return [
            f"{source} → {target}: {place}"
            for (source, target), place in self.arrows.items()
            if not self._allowed(source, target)
        ]

    @cached_property
    def unplaced(self) -> list[str]:
        """Rooms of `bms` that are in no layer."""
        placed = {name for layer in self.layers for name in layer}
        return [r for r in self.rooms if r.startswith("bms.") and r.split(".")[1] not in placed]

    @cached_property
    def loose(self) -> list[str]:
        """Modules that lie in `bms/` itself."""
        return sorted(
            m.name
            for m in self.modules
            if m.name.startswith("bms.") and m.name.count(".") == 1 and not m.is_package
            if m.stem != "__main__"
        )

    @cached_property
    def doubled(self) -> dict[str, list[str]]:
        """Names that two or more modules have, with their places."""
        places: dict[str, list[str]] = {}
        for module in self.modules:
            if not module.is_package and module.stem != "__main__":
                places.setdefault(module.stem, []).append(
                    module.path.relative_to(self.root).as_posix()
                )
        return {name: found for name, found in sorted(places.items()) if len(found) > 1}

    @cached_property
    def crowded(self) -> dict[str, int]:
        """Folders with more files than one takes in at a glance."""
        count: dict[str, int] = {}
        for module in self.modules:
            if not module.is_package:
                folder = module.path.parent.relative_to(self.root).as_posix()
                count[folder] = count.get(folder, 0) + 1
        return {folder: n for folder, n in sorted(count.items()) if n > MOST_FILES}

    @cached_property
    def unexplained(self) -> list[str]:
        """Rooms and sub-rooms that do not say what they are for."""
        explained = {
            m.path.parent for m in self.modules if m.is_package and ast.get_docstring(m.tree)
        }
        folders = {m.path.parent for m in self.modules} - explained
        return sorted(folder.relative_to(self.root).as_posix() for folder in folders)

    def longer_than(self, lines: int) -> list[str]:
        return [
            f"{module.path.relative_to(self.root)}: {module.lines} lines"
            for module in sorted(self.modules, key=lambda module: -module.lines)
            if module.lines > lines
        ]

    @cached_property
    def wide(self) -> list[str]:
        """Functions with more parameters than anybody remembers."""
        return [
            f"{module.path.relative_to(self.root)}:{function.lineno} {function.name}: {n}"
            for module in self.modules
            for function, n in parameters(module.tree)
            if n > MOST_PARAMETERS
        ]

    def _allowed(self, source: str, target: str) -> bool:
        inside = source.startswith("bms."), target.startswith("bms.")
        if inside == (True, True):
            above, below = self._layer(source), self._layer(target)
            return above is None or below is None or above < below
        if inside == (True, False):
            return source != LOWEST and target in LEAVES
        if inside == (False, True):
            return source in LEAVES and target == LOWEST
        return source == "simulators" and target == "drivers"

    def _layer(self, room: str) -> int | None:
        name = room.split(".")[1]
        return next((i for i, layer in enumerate(self.layers) if name in layer), None)

    def faults(self) -> list[str]:
        """What the house must not have; empty: it stands."""
        found: list[str] = []
        if len(self.rooms) > MOST_ROOMS:
            found.append(f"{len(self.rooms)} rooms; at most {MOST_ROOMS}")
        if len(self.arrows) > MOST_ARROWS:
            found.append(f"{len(self.arrows)} arrows between rooms; at most {MOST_ARROWS}")
        found += [f"a circle of rooms: {', '.join(circle)}" for circle in self.circles]
        found += [f"an arrow runs up: {arrow}" for arrow in self.up]
        found += [f"a room in no layer of pyproject.toml: {room}" for room in self.unplaced]
        found += [f"a loose module: {name}" for name in self.loose]
        found += [
            f"too long: {text}; at most {MOST_LINES}" for text in self.longer_than(MOST_LINES)
        ]
        found += [f"too many parameters: {text}; at most {MOST_PARAMETERS}" for text in self.wide]
        found += [f"one name, several modules: {name}: {', '.join(places)}"
                  for name, places in self.doubled.items() if name not in SAME_MEANING]  # fmt: skip
        found += [f"SAME_MEANING names {name}, which occurs once"
                  for name in SAME_MEANING if name not in self.doubled]  # fmt: skip
        found += [f"{folder}/__init__.py does not say what the room is for"
                  for folder in self.unexplained]  # fmt: skip
        found += [f"{folder}/: {n} files; more than {MOST_FILES} want sub-rooms"
                  for folder, n in self.crowded.items()]  # fmt: skip
        return found

    def lines_of_report(self) -> Iterator[str]:
        """Figures, and below them what they count."""
        many, most = self.longer_than(MANY_LINES), self.longer_than(MOST_LINES)
        yield f"rooms                        {len(self.rooms)}"
        yield f"arrows between rooms         {len(self.arrows)}"
        yield f"circles                      {len(self.circles)}"
        yield f"arrows that run up           {len(self.up)}"
        yield f"rooms in no layer            {len(self.unplaced)}"
        yield f"loose modules in bms/        {len(self.loose)}"
        yield f"module names that occur twice {len(self.doubled)}"
        yield f"files of over {MANY_LINES} lines      {len(many)}"
        yield f"files of over {MOST_LINES} lines      {len(most)}"
        yield f"functions of over {MOST_PARAMETERS} parameters {len(self.wide)}"
        yield f"folders of over {MOST_FILES} files     {len(self.crowded)}"
        yield ""
        onward: dict[str, list[str]] = {room: [] for room in self.rooms}
        for source, target in self.arrows:
            onward[source].append(target.removeprefix("bms."))
        for room, targets in onward.items():
            yield f"{room} → {', '.join(targets) or 'nothing'}"
        for title, rows in {
            "circles": [", ".join(circle) for circle in self.circles],
            "arrows that run up": self.up,
            "loose modules": self.loose,
            "names that occur twice": [f"{n}: {', '.join(p)}" for n, p in self.doubled.items()],
            f"files of over {MANY_LINES} lines": many,
            f"functions of over {MOST_PARAMETERS} parameters": self.wide,
            f"folders of over {MOST_FILES} files": [f"{f}: {n}" for f, n in self.crowded.items()],
        }.items():
            if rows:
                yield ""
                yield f"{title}:"
                yield from (f"  {row}" for row in rows)


def house_of(root: Path, packages: Sequence[str] = PACKAGES) -> House:
    """The house in a tree; its layers as its own pyproject.toml names them."""
    return House(root, tuple(modules_of(root, packages)), tuple(_layers(root)))


def modules_of(root: Path, packages: Sequence[str] = PACKAGES) -> Iterator[Module]:
    """Every module of some packages, in order of name."""
    for package in packages:
        for path in sorted((root / package).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            dotted = ".".join(path.relative_to(root).with_suffix("").parts)
            name = dotted.removesuffix(".__init__")
            yield Module(name, path, text.count("\n"), ast.parse(text, str(path)))


def imports(module: Module, known: frozenset[str]) -> Iterator[tuple[str, int]]:
    """The modules of the tree that a module imports, wherever in it, with the line."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if (found := _known(alias.name, known)) is not None:
                    yield found, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = _base(module, node)
            for alias in node.names:
                if (found := _known(f"{base}.{alias.name}", known)) is not None:
                    yield found, node.lineno


def parameters(tree: ast.Module) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, int]]:
    """Every function with the number of its parameters, without `self` and `cls`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
            own = 1 if names[:1] in (["self"], ["cls"]) else 0
            yield node, len(names) - own + len(node.args.kwonlyargs)


def room_of(module: str) -> str:
    """The room of a module, by its dotted name; `bms` for the package itself."""
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "bms" else parts[0]


def _base(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = module.name.split(".") + ([""] if module.is_package else [])
    return ".".join(filter(None, (*parts[: -node.level], node.module)))


def _known(name: str, known: frozenset[str]) -> str | None:
    """The module that a dotted name leads to: itself, or the one that holds it."""
    while name and name not in known:
        name = name.rpartition(".")[0]
    return name or None


def _reached(room: str, onward: Mapping[str, set[str]]) -> set[str]:
    reached: set[str] = set()
    open_ = [room]
    while open_:
        new = onward[open_.pop()] - reached
        reached |= new
        open_ += new
    return reached


def _layers(root: Path) -> Iterator[frozenset[str]]:
    """The layers of `bms` in a tree's import-linter contract, top to bottom."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    for contract in project["tool"]["importlinter"]["contracts"]:
        if contract["type"] == "layers":
            for layer in contract["layers"]:
                yield frozenset(name.strip().removeprefix("bms.") for name in layer.split("|"))


def main(arguments: Sequence[str]) -> int:
    """Print the figures of a tree; of this one, also what must not be. Returns the exit code."""
    if arguments:
        print("\n".join(house_of(Path(arguments[0]).resolve()).lines_of_report()))
        return 0
    house = house_of(ROOT)
    print("\n".join(house.lines_of_report()))
    faults = house.faults()
    if faults:
        print("\nmust not be:", *faults, sep="\n  ")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
