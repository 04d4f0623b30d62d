"""Ugly but valid YAML: random data in every style people write, and where each node stands.

The places are noted while writing, so that they owe nothing to the code under test.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import Any

from bms.texts.problems import Path

KEYS = ("mon-fri", "sat", "from", "to", "mode", "夏季", "week", "otherwise", "dates", "x_c", "on")
WORDS = ("07:30", "off", "on", "26", "run", "a b", "供冷", "#no", "a: b", "it's", '"', "", "~", "-",
         "2026-10-01..2026-10-07", "[x]", "null", "1e3", "\\", "x,y", "{}",
         "%d", "tab\there")  # fmt: skip


@dataclass
class Written:
    """A document, its text, and where the nodes are."""

    data: Any
    text: str
    values: dict[Path, tuple[int, int]] = field(default_factory=dict)
    """From the first to behind the last character of each value."""
    children: dict[Path, tuple[int, int]] = field(default_factory=dict)
    """The same of an item with its dash, or a key with its value."""


def document(rng: random.Random) -> Written:
    """A random document with a mapping at its root."""
    return _Writer(rng).write(data(rng, 0))


def data(rng: random.Random, depth: int) -> dict[str, Any]:
    keys = rng.sample(KEYS, rng.randint(1, 4))
    return {key: value(rng, depth + 1) for key in keys}


def value(rng: random.Random, depth: int) -> Any:
    kind = rng.random()
    if depth < 4 and kind < 0.3:
        return data(rng, depth)
    if depth < 4 and kind < 0.55:
        return [value(rng, depth + 1) for _ in range(rng.randint(0, 4))]
    return rng.choice([rng.choice(WORDS), rng.randint(-5, 99), 20.5, True, None])


class _Writer:
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.newline = rng.choice(["\n", "\n", "\r\n", "\r"])
        self.parts: list[str] = []
        self.length = 0
        self.comments = 0
        self.values: dict[Path, tuple[int, int]] = {}
        self.children: dict[Path, tuple[int, int]] = {}

    def write(self, content: dict[str, Any]) -> Written:
        bom = self.rng.random() < 0.1
        if bom:
            self.put("\ufeff")
        self.lines_between(0)
        if self.rng.random() < 0.1 and not bom:
            self.put(f"---{self.newline}")
        self.block(content, (), 0)
        if self.rng.random() < 0.8:
            self.put(self.newline)
            self.lines_between(0)
        return Written(content, "".join(self.parts), self.values, self.children)

    def put(self, text: str) -> None:
        self.parts.append(text)
        self.length += len(text)

    def comment(self) -> str:
        self.comments += 1
        tail = self.rng.choice(["", ", - x", " 备注：保留", "\ttab", " {a: [1]", " '\""])
        return f"# note {self.comments}{tail}"

    def trailing(self) -> None:
        """What may stand behind a value on its line."""
        roll = self.rng.random()
        if roll < 0.2:
            self.put(self.rng.choice([" ", "  ", "      "]) + self.comment())
        elif roll < 0.3:
            self.put(self.rng.choice([" ", "   "]))

    def lines_between(self, column: int) -> None:
        """Blank lines and comments between two lines, at any column."""
        for _ in range(self.rng.choice([0, 0, 0, 1, 2])):
            if self.rng.random() < 0.4:
                self.put(self.rng.choice(["", " " * column, "   "]) + self.newline)
            else:
                indent = self.rng.choice([column, column, 0, column + 3])
                self.put(" " * indent + self.comment() + self.newline)

    # --- block style -------------------------------------------------------------------------

    def block(self, content: Any, path: Path, column: int) -> None:
        """A collection whose first line has begun, up to but without its last line end."""
        start, end = self.length, self.length
        children = content.items() if isinstance(content, dict) else enumerate(content)
        first = True
        for step, child in children:
            if not first:
                self.put(self.newline)
                self.lines_between(column)
                self.put(" " * column)
            elif path == ():
                start = self.length
            first = False
            end = self.child(child, (*path, step), column, isinstance(content, dict))
            self.trailing()
        self.values[path] = (start, end)

    def child(self, content: Any, path: Path, column: int, keyed: bool) -> int:
        start = self.length
        self.put(self.key(path[-1]) + ":" if keyed else "-")
        end = self.length
        if isinstance(content, dict | list) and content and self.rng.random() < 0.6:
            deeper = self.rng.randint(1, 4)
            if not keyed and self.rng.random() < 0.6:  # compact: `- from: ...`
                self.put(" " * deeper)
                self.block(content, path, column + 1 + deeper)
            else:
                if keyed and isinstance(content, list) and self.rng.random() < 0.3:
                    deeper = 0
                self.trailing()
                self.put(self.newline)
                self.lines_between(column + deeper)
                self.put(" " * (column + deeper))
                self.block(content, path, column + deeper)
            end = self.values[path][1]
        elif content is None and self.rng.random() < 0.6:
            self.values[path] = (end, end)
        else:
            self.put(self.rng.choice([" ", " ", "  ", "    "]))
            self.flow(content, path, inside=False)
            end = self.length
        self.children[path] = (start, end)
        return end

    def key(self, word: Any) -> str:
        return str(word) if self.rng.random() < 0.8 else json.dumps(word, ensure_ascii=False)

    # --- flow style --------------------------------------------------------------------------

    def flow(self, content: Any, path: Path, inside: bool = True) -> None:
        start = self.length
        if isinstance(content, dict | list):
            keyed = isinstance(content, dict)
            self.put("{" if keyed else "[")
            self.space()
            children = content.items() if isinstance(content, dict) else enumerate(content)
            for n, (step, child) in enumerate(children):
                if n:
                    self.put(",")
                    self.space(must=True)
                begin = self.length
                if keyed:
                    self.put(self.key(step) + ": ")
                self.flow(child, (*path, step))
                self.children[(*path, step)] = (begin, self.length)
                if self.rng.random() < 0.15:
                    self.put(" ")
            if content and self.rng.random() < 0.1:
                self.put(",")
                self.space()
            self.put("}" if keyed else "]")
        else:
            self.put(self.scalar(content))
        self.values[path] = (start, self.length)

    def space(self, must: bool = False) -> None:
        """Inside brackets: spaces, or a new line further right, with a comment or none."""
        if self.rng.random() < 0.15:
            if self.rng.random() < 0.4:
                self.put(" " + self.comment())
            self.put(self.newline + " " * self.rng.randint(20, 24))
            if self.rng.random() < 0.3:
                self.put(self.comment() + self.newline + " " * 21)
        elif must or self.rng.random() < 0.3:
            self.put(self.rng.choice([" ", "  "]))

    def scalar(self, content: Any) -> str:
        if content is None:
            return self.rng.choice(["~", "null"])
        if isinstance(content, bool):
            return self.rng.choice(["true", "True"])
        if not isinstance(content, str):
            return str(content)
        if content in ("07:30", "off", "on", "run", "a b", "供冷") and self.rng.random() < 0.5:
            return content
        if "\t" not in content and self.rng.random() < 0.4:
            return "'" + content.replace("'", "''") + "'"
        return json.dumps(content, ensure_ascii=self.rng.random() < 0.5)
