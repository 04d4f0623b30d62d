"""Names that stand for several: numbered runs (`ahu-{01..64}`) and patterns (`ahu-*`)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from bms.texts.messages import msg

LONGEST_RUN = 10_000
"""More of one machine than a gateway can serve; a larger run is a slip of the finger."""

_RUN = re.compile(r"\{([0-9]+)\.\.([0-9]+)\}")


class RunError(ValueError):
    """A run that cannot be expanded; `hint` says what to write."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def expand(text: str) -> list[str]:
    """The texts that `text` stands for: itself, or one per number of its run `{01..64}`.

    Numbers are padded with zeros to the width of the first. Raises RunError if the braces hold
    anything else, there are several runs, or a run is empty or longer than `LONGEST_RUN`.
    """
    runs = list(_RUN.finditer(text))
    if len(runs) > 1:
        raise RunError(
            msg("'{text}' has {ranges} number ranges", text=text, ranges=len(runs)),
            msg("one name can have one range"),
        )
    if not runs:
        if "{" in text or "}" in text:
            raise RunError(
                msg("'{text}' has braces without a number range", text=text),
                msg("write {example}", example="{01..64}"),
            )
        return [text]
    run = runs[0]
    before, after = text[: run.start()], text[run.end() :]
    if "{" in before + after or "}" in before + after:
        raise RunError(
            msg("'{text}' has braces outside its number range", text=text),
            msg("write {example}", example="{01..64}"),
        )
    first, last = run.groups()
    if max(len(first), len(last)) > len(str(LONGEST_RUN)):
        raise RunError(
            msg("'{text}' counts too far", text=text),
            msg("at most {limit} at once", limit=LONGEST_RUN),
        )
    if int(first) > int(last):
        raise RunError(
            msg("'{text}' counts down", text=text), msg("write {text}", text=f"{{{last}..{first}}}")
        )
    if int(last) - int(first) >= LONGEST_RUN:
        raise RunError(
            msg("'{text}' counts too far", text=text),
            msg("at most {limit} at once", limit=LONGEST_RUN),
        )
    width = len(first)
    return [f"{before}{n:0{width}}{after}" for n in range(int(first), int(last) + 1)]


def parallel(text: str, count: int) -> list[str]:
    """`count` texts: those of the run in `text`, or `text` itself that often.

    Raises RunError if `text` has a run of another length.
    """
    texts = expand(text) if _RUN.search(text) else [text]
    if len(texts) == 1:
        return texts * count
    if len(texts) != count:
        raise RunError(
            msg(
                "'{text}' counts {numbers}, the name of the equipment counts {equipment}",
                text=text,
                numbers=len(texts),
                equipment=count,
            ),
            msg("both ranges must be of the same length"),
        )
    return texts


def is_pattern(text: str) -> bool:
    """Whether a member selects by pattern or run rather than by its name."""
    return any(character in text for character in "*?{}")


def select(text: str, names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Which of `names` a member text selects, in their own order, and which it misses.

    A run selects each of its names; a pattern (`*` any text, `?` one character) those that
    match. The second list has the wanted texts that select nothing. Raises RunError.
    """
    wanted = expand(text)
    known = list(names)
    if "*" not in text and "?" not in text:
        present = set(known)
        return [n for n in wanted if n in present], [n for n in wanted if n not in present]
    found: list[str] = []
    missing: list[str] = []
    for pattern in wanted:
        literal = pattern.replace("[", "[[]")  # brackets mean nothing here
        matches = [name for name in known if fnmatchcase(name, literal)]
        found.extend(matches)
        if not matches:
            missing.append(pattern)
    return found, missing
