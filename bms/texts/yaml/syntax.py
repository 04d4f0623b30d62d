"""What ruamel says of a syntax mistake, as messages of ours with a hint."""

from __future__ import annotations

import re

from ruamel.yaml.error import MarkedYAMLError

from bms.texts.messages import Message, msg, quoted
from bms.texts.problems import Problem

__all__ = ["syntax_message", "syntax_problem"]

_MESSAGES: tuple[tuple[str, Message], ...] = (
    (r"mapping values are not allowed here", msg("mapping values are not allowed here")),
    (r"mapping keys are not allowed here", msg("mapping keys are not allowed here")),
    (r"sequence entries are not allowed here", msg("sequence entries are not allowed here")),
    (r"could not find expected ':'", msg("could not find expected ':'")),
    (r"found unexpected ':'", msg("found unexpected ':'")),
    (r"found unexpected end of stream", msg("found unexpected end of file")),
    (r"found unexpected document separator", msg("found unexpected document separator")),
    (r"found duplicate YAML directive", msg("found a second YAML directive")),
    (
        r"found incompatible YAML document",
        msg("found incompatible YAML document (version {version} is required)", version="1.*"),
    ),
    (r"found non-comment content after document end", msg("found content after the document end")),
    (r"special characters are not allowed", msg("special characters are not allowed")),
    (r"more indented follow up line", msg("the first line of a block text is indented less")),
)  # fmt: skip
"""The beginning of what ruamel says, and what we say."""


def syntax_message(said: str) -> Message:
    """A sentence of ruamel as a message; its own words where it says what is not known here."""
    for begin, message in _MESSAGES:
        if said.startswith(begin):
            return message
    if found := re.match(r"found character (.+) that cannot start any token", said):
        return msg("found character {character} that cannot start any token", character=found[1])
    if found := re.match(r"expected <block end>, but found (.+)", said):
        return msg("expected the end of the block, but found {token}", token=found[1])
    if found := re.match(r"expected ('.+') or ('.+'), but got (.+)", said):
        return msg(
            "expected {sign} or {end}, but got {token}",
            sign=found[1], end=found[2], token=found[3],
        )  # fmt: skip
    if found := re.match(r"expected the node content, but found (.+)", said):
        return msg("expected a value, but found {token}", token=found[1])
    if found := re.match(r"expected '<document start>', but found (.+)", said):
        return msg("expected the beginning of a document, but found {token}", token=found[1])
    if found := re.match(r"expected alphabetic or numeric character, but found (.+)", said):
        return msg(
            "expected alphabetic or numeric character, but found {character}", character=found[1]
        )
    if found := re.match(r"found unknown escape character (.+)", said):
        return msg("found unknown escape character {character}", character=found[1])
    if found := re.match(r"found undefined tag handle (.+)", said):
        return msg("found undefined tag {tag}", tag=found[1])
    if found := re.match(r"expected (.+), but found (.+)", said):
        return msg("expected {token}, but found {character}", token=found[1], character=found[2])
    return quoted(said)


def _hint(said: str) -> str:
    if "cannot start any token" in said:
        return (
            msg("a tab cannot indent; use spaces")
            if "'\\t'" in said
            else msg("put the text in quotes")
        )
    return next((hint for part, hint in _HINTS.items() if part in said), "")


_HINTS: dict[str, Message] = {
    "mapping values are not allowed": msg("check the indentation, or put text with ': ' in quotes"),
    "could not find expected ':'": msg("write 'key: value', with a space after the colon"),
    "expected <block end>": msg("check the indentation"),
    "expected alphabetic or numeric": msg("put text that begins with '*' or '&' in quotes"),
}


def syntax_problem(file: str, error: MarkedYAMLError) -> Problem:
    """Where the mistake is, what it is, and what to do."""
    mark = error.problem_mark or error.context_mark
    said = error.problem or error.context or ""
    message, hint = syntax_message(said) if said else msg("not valid YAML"), _hint(said)
    if "end of stream" in said and "quoted scalar" in (error.context or ""):
        mark, message, hint = error.context_mark, msg("this quote is never closed"), msg("close it")
    elif error.context and "flow" in error.context and error.context_mark:
        hint = msg(
            "close the bracket that was opened on line {line}", line=error.context_mark.line + 1
        )
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    return Problem(file, line, column, message, hint)
