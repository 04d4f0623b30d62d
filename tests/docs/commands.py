"""The commands that the documents tell people to type."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "ARCHITECTURE.md",
    ROOT / "SECURITY.md",
    *(page for page in sorted(ROOT.glob("docs/**/*.md")) if page.parent.name != "reference"),
)

_BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
_PROGRAM = re.compile(r"(?:\S*/)?bms")


@dataclass(frozen=True, slots=True)
class Typed:
    """One line of a block of commands."""

    page: str
    words: tuple[str, ...]

    @property
    def bms(self) -> tuple[str, ...] | None:
        """The arguments, if it calls bms."""
        return self.words[1:] if _PROGRAM.fullmatch(self.words[0]) else None


def typed(*pages: Path) -> Iterator[Typed]:
    """Every command of the pages, in order."""
    for page in pages:
        for block in _BLOCK.findall(page.read_text(encoding="utf-8")):
            for line in block.splitlines():
                words = tuple(shlex.split(line, comments=True))
                if words:
                    yield Typed(page.relative_to(ROOT).as_posix(), words)
