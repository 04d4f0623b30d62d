"""English messages that lost what they were made of, in another language again. Pure.

What is kept (reasons in history and audit, alarms) and what comes over the socket is English text.
The catalogue has the templates that it was made from: a text that one of them fits is said in the
translation, its arguments again in the same way. So old records are readable in any language, and
what no template fits stays as it is. So does what people wrote: an argument called `words`, or one
in quotation marks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

_FIELD = re.compile(r"\{(\w+)(?:![rs])?(?::([^{}]*))?\}")
_NUMBER = r"[-+]?[\d,]*\.?\d+(?:e[-+]?\d+)?"
_ONE = r"(?:\((?:[^()]|\([^()]*\))*\)|(?!; ).)*?"
_MOMENT = r"[\w:-]+(?: [\w:-]+)?"
_PLACE = re.compile(r"[^\s:]+:\d+(?::\d+)?: ")
"""`file:line: ` or `file:line:column: ` before a problem."""
_GLUE = ("\n", " ← ", "; ", ", ", ": ")
"""What sentences are put together with where each of them is a message of its own."""
_DEEPEST = 8


@dataclass(frozen=True, slots=True)
class _Shape:
    """A template, as what it makes looks like."""

    pattern: str
    longest: str
    """The longest piece that stands between arguments: a text without it does not fit."""
    letters: int
    quoted: frozenset[str]
    """Arguments that people wrote."""
    translation: str


class Retelling:
    """Says texts by the translations of templates."""

    def __init__(self, catalogue: Mapping[str, str]) -> None:
        self._catalogue = catalogue
        self._whole = {
            template.replace("{{", "{").replace("}}", "}"): translation
            for template, translation in catalogue.items()
            if translation and not _FIELD.search(template)
        }
        shapes = [_shape(t, translation) for t, translation in catalogue.items() if translation]
        self._shapes = sorted((s for s in shapes if s), key=lambda shape: -shape.letters)
        self._again = lru_cache(maxsize=4096)(self._said)

    def exactly(self, template: str) -> str:
        """The translation of a template; itself if it has none."""
        return self._catalogue.get(template) or template

    def say(self, text: str) -> str:
        """The text in the language of the catalogue, as far as its templates fit."""
        return self._again(text, 0)

    def _said(self, text: str, depth: int) -> str:
        if depth > _DEEPEST or not any(c.isascii() and c.isalpha() for c in text):
            return text
        whole = self._whole.get(text)
        if whole is not None:
            return whole
        place = _PLACE.match(text)
        if place is not None:
            return text[: place.end()] + self._again(text[place.end() :], depth + 1)
        return self._by_template(text, depth) or self._by_parts(text, depth)

    def _by_template(self, text: str, depth: int) -> str | None:
        if "\n" in text:
            return None
        for shape in self._shapes:
            if shape.longest not in text:
                continue
            found = _compiled(shape.pattern).fullmatch(text)
            if found is not None:
                given = {
                    name: value if name in shape.quoted else self._again(value, depth + 1)
                    for name, value in found.groupdict().items()
                }
                return _filled(shape.translation, given)
        return None

    def _by_parts(self, text: str, depth: int) -> str:
        for glue in _GLUE:
            parts = _outside(text, glue)
            if len(parts) > 1:
                return glue.join(self._again(part, depth + 1) for part in parts)
        return text


def _outside(text: str, glue: str) -> list[str]:
    """The parts between `glue`, where it stands outside of brackets."""
    parts, depth, begin, at = list[str](), 0, 0, 0
    while at < len(text):
        depth += (text[at] == "(") - (text[at] == ")")
        if depth <= 0 and text.startswith(glue, at):
            parts.append(text[begin:at])
            at = begin = at + len(glue)
        else:
            at += 1
    return [*parts, text[begin:]]


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Only of templates that a text may fit: all of them take 70 ms."""
    return re.compile(pattern, re.DOTALL)


def _shape(template: str, translation: str) -> _Shape | None:
    """None for a template without arguments, or with too little around them to know it by."""
    pieces = _FIELD.split(template)
    texts, names, formats = pieces[::3], pieces[1::3], pieces[2::3]
    longest = max(texts, key=len)
    letters = sum(c.isalpha() for text in texts for c in text)
    if not names or letters < 2:
        return None
    pattern = re.escape(texts[0])
    known: set[str] = set()
    for name, form, before, text in zip(names, formats, texts, texts[1:], strict=False):
        whole = name == "words" or (before.endswith("(") and text.startswith(")"))
        looks = ".*?" if whole and not form else _looks(form)
        pattern += f"(?P={name})" if name in known else f"(?P<{name}>{looks})"
        pattern += re.escape(text)
        known.add(name)
    quoted = frozenset(
        name
        for name, before, after in zip(names, texts, texts[1:], strict=False)
        if name == "words" or (before.endswith("'") and after.startswith("'"))
    )
    return _Shape(pattern, longest, letters, quoted, translation)


def _looks(form: str | None) -> str:
    """What an argument with this format can look like: no two sentences, if not in brackets."""
    if not form:
        return _ONE
    return _MOMENT if "%" in form else _NUMBER


def _filled(template: str, given: Mapping[str, str]) -> str:
    return _FIELD.sub(lambda field: given[field[1]], template)
