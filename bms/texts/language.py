"""Which language people are answered in, and the catalogues for those that are not English.

Messages are made in English everywhere (`bms.texts.messages`) and said in the reader's language at
the edge: on a terminal, in the log. `make messages` keeps the catalogues.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from bms.texts.messages import msg, said

if TYPE_CHECKING:
    from bms.texts.retelling import Retelling

__all__ = [
    "CATALOGUES",
    "DOMAIN",
    "LANGUAGES",
    "language",
    "language_of",
    "say",
    "speaking",
    "weekday",
]

LANGUAGES = ("en", "zh")
DOMAIN = "bms"
CATALOGUES = Path(__file__).parent / "locale"

_current: ContextVar[str] = ContextVar("language", default="en")


def language_of(environment: Mapping[str, str]) -> str:
    """`BMS_LANG`, else what the locale says; English for any other language."""
    for name in ("BMS_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = environment.get(name, "")
        if value:
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


def language() -> str:
    """The language that is spoken here and now."""
    return _current.get()


@contextmanager
def speaking(wanted: str) -> Iterator[None]:
    """Speak a language within the block, and in the tasks that it starts."""
    before = _current.set(wanted)
    try:
        yield
    finally:
        _current.reset(before)


def say(message: str, /, **arguments: object) -> str:
    """A message, or a template with its arguments, in the language that is spoken."""
    whole = msg(message, **arguments) if arguments else message
    spoken = language()
    if spoken == "en":
        return str(whole)
    catalogue = _in(spoken)
    return said(whole, catalogue.exactly, catalogue.say)


def weekday(day: date) -> str:
    """The day of the week, short."""
    names = (
        say("Mon"), say("Tue"), say("Wed"), say("Thu"), say("Fri"), say("Sat"), say("Sun"),
    )  # fmt: skip
    return names[day.weekday()]


@cache
def _in(spoken: str) -> Retelling:
    import gettext

    from bms.texts.retelling import Retelling

    found = gettext.translation(DOMAIN, CATALOGUES, [spoken], fallback=True)
    entries: Mapping[object, str] = getattr(found, "_catalog", {})
    return Retelling({k: v for k, v in entries.items() if isinstance(k, str) and k})
