"""Full-width punctuation, which a Chinese input method types where YAML wants ASCII.

The parser would report it on another line, or read `[a，b]` as one text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bms.texts.messages import Message, msg
from bms.texts.problems import Problem

_FULL_WIDTH = {
    "：": ":",
    "，": ",",
    "｛": "{",
    "｝": "}",
    "［": "[",
    "］": "]",
    "【": "[",
    "】": "]",
    "－": "-",
    "＃": "#",
    "　": msg("a space"),
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
}
_ANY_FULL_WIDTH = re.compile(f"[{''.join(_FULL_WIDTH)}]")
_LINE_END = re.compile(r"\r\n|\r|\n")  # YAML 1.2, 5.4; str.splitlines breaks at more
_BLOCK_SCALAR = re.compile(r"(?:^|[:-]\s+)[|>][-+0-9]*\s*(?:\s#.*)?$")
_LEAD = re.compile(r"\s*(?:-\s+)*")
_QUOTED_REST = {'"': re.compile(r'(?:[^"\\]|\\.)*'), "'": re.compile(r"(?:[^']|'')*")}
_OPEN = {"{", "[", "｛", "［", "【"}
_CLOSE = {"}", "]", "｝", "］", "】"}
_SEPARATE = {",", "，", ":", "："}


def full_width(file: str, text: str) -> list[Problem]:
    """Full-width punctuation where YAML syntax is expected.

    Left alone are quotes, comments, block scalars and the text of a plain value
    (`title: 空调：一号`); inside brackets and in keys every such character is a problem.
    """
    if not _ANY_FULL_WIDTH.search(text):
        return []
    return [
        Problem(
            file,
            line,
            column,
            msg("full-width character '{character}' cannot be used here", character=character),
            msg(
                "write {characters}, or put the text in quotes",
                characters=wanted if isinstance(wanted, Message) else repr(wanted),
            ),
        )
        for line, column, character in _Punctuation().scan(text)
        for wanted in (_FULL_WIDTH[character],)
    ]


class _Punctuation:
    """Walks through YAML text just closely enough to tell syntax from prose."""

    def __init__(self) -> None:
        self.quote = ""
        """The quote that is open; it may stay open over line ends."""
        self.depth = 0
        """Brackets open."""
        self.block: int | None = None
        """Inside a block scalar: the indent of what it belongs to."""

    def scan(self, text: str) -> Iterator[tuple[int, int, str]]:
        for number, line in enumerate(_LINE_END.split(text), start=1):
            if self._in_block_scalar(line):
                continue
            for index in self._line(line):
                yield number, index + 1, line[index]

    def _in_block_scalar(self, line: str) -> bool:
        if self.block is not None:
            if not line.strip() or len(line) - len(line.lstrip(" ")) > self.block:
                return True
            self.block = None
        if not self.quote and not self.depth and _BLOCK_SCALAR.search(line):
            lead = _LEAD.match(line)
            end = lead.end() if lead else 0
            self.block = line.rfind("-", 0, end) if line[end : end + 1] in ("|", ">") else end
        return False

    def _line(self, line: str) -> Iterator[int]:
        """Indices of full-width characters that stand where syntax is expected."""
        begins, value, prose = not self.quote, False, False
        index = 0
        while index < len(line):
            if self.quote:
                rest = _QUOTED_REST[self.quote].match(line, index)
                end = rest.end() if rest else index
                if line[end : end + 1] != self.quote:
                    return
                self.quote, begins, prose, index = "", False, True, end + 1
                continue
            character, after = line[index], line[index + 1 : index + 2]
            if character == "#" and (index == 0 or line[index - 1].isspace()):
                return
            wrong = character in _FULL_WIDTH and (
                begins or not prose or (self.depth > 0 and character in _SEPARATE | _OPEN | _CLOSE)
            )
            if wrong:
                yield index
            if character.isspace():
                pass
            elif begins and character in "\"'":
                self.quote = character
            elif character in _OPEN and (begins or self.depth):
                self.depth, begins, prose = self.depth + 1, True, False
            elif character in _CLOSE and self.depth:
                self.depth, begins, prose = self.depth - 1, False, False
            elif (character in ",，" and self.depth) or (
                (character == "：" and wrong)
                or (character == ":" and (not after or after.isspace()))
            ):
                value = value or character in ":："
                begins, prose = True, False
            elif begins and character in "-－?" and (not after or after.isspace()):
                pass
            elif begins:
                begins, prose = False, not wrong and (value or self.depth > 0)
            index += 1
