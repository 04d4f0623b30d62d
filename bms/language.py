"""Which language people are answered in, and the catalogues for those that are not English.

Messages are made in English everywhere (`schedules.msg`) and said in the reader's language at
the edge: on a terminal, in the log. `make messages` keeps the catalogues.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from schedules.msg import msg, said

__all__ = [
    "CATALOGUES",
    "DOMAIN",
    "LANGUAGES",
    "language",
    "language_of",
    "say",
    "speaking",
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


def say(message: str, **arguments: object) -> str:
    """A message, or a template with its arguments, in the language that is spoken."""
    whole = msg(message, **arguments) if arguments else message
    spoken = language()
    if spoken == "en":
        return str(whole)
    import gettext

    catalogue = gettext.translation(DOMAIN, CATALOGUES, [spoken], fallback=True)
    return said(whole, catalogue.gettext)
