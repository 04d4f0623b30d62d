"""Checks that modules that call themselves pure are: `python -m tests.purity` (part of make check).

A module is *pure* if the first paragraph of its docstring ends with "Pure.", or that of a package
around it; "Pure but for NumPy." is the same, for arithmetic on columns. What it says must stand in
a purity contract of import-linter, which follows imports through the whole tree. What import-linter
does not see (`open`, `datetime.now`, a write by pathlib) is looked for here, in the source.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tests.house import PACKAGES, ROOT, Module, modules_of

PURE = "Pure."
PURE_BUT_FOR_NUMPY = "Pure but for NumPy."
CONTRACTS = {
    PURE: "decisions are pure",
    PURE_BUT_FOR_NUMPY: "arithmetic on columns is pure but for NumPy",
}

FORBIDDEN_MODULES = frozenset(
    [
        "asyncio",
        "builtins",
        "concurrent",
        "ctypes",
        "fcntl",
        "getpass",
        "glob",
        "http",
        "importlib.resources",
        "io",
        "locale",
        "logging",
        "mmap",
        "multiprocessing",
        "os",
        "pwd",
        "queue",
        "sched",
        "secrets",
        "select",
        "selectors",
        "shutil",
        "signal",
        "socket",
        "socketserver",
        "sqlite3",
        "ssl",
        "subprocess",
        "tempfile",
        "termios",
        "threading",
        "time",
        "urllib",
        "webbrowser",
    ]
)
FORBIDDEN_NAMES = frozenset(
    [
        "open",
        "print",
        "input",
        "breakpoint",
        "exec",
        "eval",
        "__import__",
        "datetime.datetime.now",
        "datetime.datetime.today",
        "datetime.datetime.utcnow",
        "datetime.date.today",
        "pathlib.Path",
        "pathlib.PosixPath",
        "pathlib.WindowsPath",
        "sys.argv",
        "sys.stdin",
        "sys.stdout",
        "sys.stderr",
        "sys.exit",
        "uuid.uuid1",
        "uuid.uuid4",
        "uuid.getnode",
        "numpy.load",
        "numpy.save",
        "numpy.memmap",
    ]
)
FORBIDDEN_METHODS = frozenset(
    [
        "chmod",
        "exists",
        "expanduser",
        "glob",
        "hardlink_to",
        "is_dir",
        "is_file",
        "iterdir",
        "lchmod",
        "lstat",
        "mkdir",
        "open",
        "owner",
        "read_bytes",
        "read_text",
        "readlink",
        "rglob",
        "rmdir",
        "stat",
        "symlink_to",
        "touch",
        "unlink",
        "write_bytes",
        "write_text",
    ]
)
"""Of paths, whoever made them."""
MOVING = frozenset({"rename", "replace"})
"""Of paths too, if they are given one place: to replace text takes two, to replace a date names."""
_WORD = re.compile(r"\bpure\b", re.IGNORECASE)


def claim(module: Module) -> str | None:
    """What a docstring claims: PURE, PURE_BUT_FOR_NUMPY or nothing."""
    paragraph = _first_paragraph(module)
    if paragraph.endswith(PURE_BUT_FOR_NUMPY):
        return PURE_BUT_FOR_NUMPY
    return PURE if paragraph.endswith(PURE) else None


def claims(modules: Iterable[Module]) -> dict[str, str]:
    """Pure modules and packages by name, with their claim: the outermost ones, and what claims
    otherwise than the package around it."""
    found: dict[str, str] = {}
    for module in modules:  # in order of name: a package comes before what is in it
        said = claim(module)
        if said is not None and said != _around(module.name, found):
            found[module.name] = said
    return found


def contracts(root: Path) -> dict[str, frozenset[str]]:
    """The modules that the purity contracts of a tree name, by claim."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    by_name = {c["name"]: c for c in project["tool"]["importlinter"]["contracts"]}
    return {
        said: frozenset(by_name[name]["source_modules"]) if name in by_name else frozenset()
        for said, name in CONTRACTS.items()
    }


def faults(root: Path = ROOT) -> list[str]:
    """What is called pure and is not, or is not held to it."""
    modules = sorted(modules_of(root, PACKAGES), key=lambda module: module.name)
    claimed, promised = claims(modules), contracts(root)
    found: list[str] = []
    for said, names in promised.items():
        for name, other in claimed.items():
            if other == said and not any(_within(name, outer) for outer in names):
                found.append(f"{name} says {said!r}; it is missing in {CONTRACTS[said]!r}")
        found += [
            f"{name} stands in {CONTRACTS[said]!r}; its docstring does not say {said!r}"
            for name in sorted(names)
            if _covering(name, claimed, said) is None
        ]
    for module in modules:
        place = module.path.relative_to(root).as_posix()
        if _WORD.search(_first_paragraph(module)) and claim(module) is None:
            found.append(
                f"{place}: 'pure' in the first paragraph, which does not end with {PURE!r}"
            )
        if _covering(module.name, claimed) is not None:
            found += [f"{place}:{line}: {what}" for what, line in impurities(module.tree)]
    return found


def impurities(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """What makes a source impure, with the line."""
    for name, line in uses(tree):
        if any(_within(name, outer) for outer in FORBIDDEN_MODULES | FORBIDDEN_NAMES):
            yield f"uses {name}", line
        elif name.startswith(("random.", "numpy.random.")) and name != "random.Random":
            yield f"uses {name}: no seed", line
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Attribute):
            method = node.func.attr
            own = _ends_with(node.func.value, "self")
            one_place = len(node.args) == 1 and not node.keywords and not own
            if method in FORBIDDEN_METHODS or (method in MOVING and one_place):
                yield f"calls .{method}()", node.lineno
        if not node.args and not node.keywords and _ends_with(node.func, "Random"):
            yield "calls Random(): no seed", node.lineno


def uses(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Every imported or built-in thing that a source names, by its full name, with the line.

    `from datetime import datetime as dt; dt.now` is `datetime.datetime.now`. A longer name is given
    alone, without the shorter ones it begins with. Imports are given too.
    """
    imported: dict[str, str] = {}
    typing_only = {id(node) for block in _typing_blocks(tree) for node in ast.walk(block)}
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                imported[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                imported[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                yield f"{node.module}.{alias.name}", node.lineno
    bound = _bound(tree)
    inner: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and id(node) not in inner:
            parts: list[str] = []
            at: ast.expr = node
            while isinstance(at, ast.Attribute):
                parts.append(at.attr)
                at = at.value
                inner.add(id(at))
            if isinstance(at, ast.Name):
                if at.id in imported:
                    yield ".".join((imported[at.id], *reversed(parts))), node.lineno
                elif at.id not in bound and not parts:
                    yield at.id, node.lineno


def _bound(tree: ast.Module) -> set[str]:
    """Names that the source itself defines, so that they are not the built-in ones."""
    bound: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.add(node.id)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(node.name)
    return bound


def _typing_blocks(tree: ast.Module) -> Iterator[ast.stmt]:
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and _ends_with(node.test, "TYPE_CHECKING"):
            yield from node.body


def _ends_with(node: ast.expr, name: str) -> bool:
    return getattr(node, "id", getattr(node, "attr", None)) == name


def _first_paragraph(module: Module) -> str:
    text = ast.get_docstring(module.tree) or ""
    return " ".join(text.partition("\n\n")[0].split())


def _within(name: str, outer: str) -> bool:
    return name == outer or name.startswith(f"{outer}.")


def _covering(name: str, claimed: Mapping[str, str], said: str | None = None) -> str | None:
    """The claim that a module lies in: its own or that of a package around it."""
    return next(
        (
            other
            for outer, other in claimed.items()
            if _within(name, outer) and said in (None, other)
        ),
        None,
    )


def _around(name: str, claimed: Mapping[str, str]) -> str | None:
    """The claim of the innermost package around a module."""
    outer = [other for other in claimed if _within(name, other)]
    return claimed[max(outer, key=len)] if outer else None


def main() -> int:
    """Print what is not as pure as it says. Returns the exit code."""
    found = faults()
    print("\n".join(found) or "what says that it is pure is pure")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
