"""Which language people are answered in, and the catalogues for those that are not English.

Messages are made in English everywhere (`bms.texts.messages`) and said in the reader's language at
the edge: on a terminal, in the log. `make messages` keeps the catalogues.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from bms.texts import chinese
from bms.texts.clean import harmless
from bms.texts.messages import Message, msg, said

if TYPE_CHECKING:
    from gettext import NullTranslations

__all__ = [
    "CATALOGUES",
    "DOMAIN",
    "LANGUAGES",
    "between",
    "language",
    "language_of",
    "marking",
    "say",
    "speaking",
    "told",
    "weekday",
]

LANGUAGES = ("en", "zh")
DOMAIN = "bms"
CATALOGUES = Path(__file__).parent / "locale"

_current: ContextVar[str] = ContextVar("language", default="en")
_shown: ContextVar[Callable[[object], object] | None] = ContextVar("shown", default=None)


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
    """A message, or a template with its arguments, in the language that is spoken.

    For the words of the program itself. What may be somebody's own words goes through `told`.
    """
    return told(message if isinstance(message, Message) else msg(message, **arguments))


def told(message: str) -> str:
    """A message in the language that is spoken; plain text, which somebody wrote, as it is."""
    return said(message, _Spoken(_catalogue(language()), _shown.get()))


def between(mark: str) -> str:
    """`"; "` or `", "` between two sentences, in the language that is spoken."""
    return mark if language() == "en" else chinese.BETWEEN[mark]


def weekday(day: date) -> str:
    """The day of the week, short."""
    names = (
        say("Mon"), say("Tue"), say("Wed"), say("Thu"), say("Fri"), say("Sat"), say("Sun"),
    )  # fmt: skip
    return names[day.weekday()]


@contextmanager
def marking(shown: Callable[[object], object]) -> Iterator[None]:
    """Show arguments as `shown` gives them, so that a test can tell them from words of ours."""
    before = _shown.set(shown)
    try:
        yield
    finally:
        _shown.reset(before)


@dataclass(frozen=True, slots=True)
class _Spoken:
    translations: NullTranslations | None
    shown: Callable[[object], object] | None

    def one(self, template: str) -> str:
        if self.translations is None or not template:
            return template
        return self.translations.gettext(template)

    def counted(self, one: str, many: str, count: int) -> str:
        if self.translations is None:
            return one if count == 1 else many
        return self.translations.ngettext(one, many, count)

    def argument(self, value: object) -> object:
        value = harmless(value) if isinstance(value, str) else value
        return value if self.shown is None else self.shown(value)

    def filled(self, template: str, arguments: Mapping[str, object]) -> str:
        if self.translations is None:
            return template.format(**arguments)
        return chinese.filled(template, arguments)


@cache
def _catalogue(spoken: str) -> NullTranslations | None:
    if spoken == "en":
        return None
    import gettext

    return gettext.translation(DOMAIN, CATALOGUES, [spoken], fallback=True)
