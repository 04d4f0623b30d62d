"""Messages for people: a template and its arguments, said in the reader's language at the edge.

A message is an ordinary English `str` wherever it goes. It also remembers its template and its
arguments, so that it can be said in another language, kept, and sent without being guessed again.
A plain `str` was written by somebody, or kept by an older version: it is shown as it is.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from functools import lru_cache
from numbers import Real
from string import Formatter
from typing import Protocol, TypeAlias

from bms.texts.clean import device_text

__all__ = [
    "Catalogue",
    "Json",
    "Message",
    "from_json",
    "joined",
    "made_of",
    "message_of",
    "msg",
    "plural",
    "quoted",
    "remade",
    "said",
    "same",
    "to_json",
    "with_arguments",
]

_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""Made once: `json.dumps` makes an encoder for each text."""
Json: TypeAlias = "str | int | float | bool | dict[str, Json] | list[Json] | None"


class Message(str):
    """English text that knows what it was made of."""

    __slots__ = ("arguments", "many", "template")

    template: str
    """With `{name}` places, as `str.format` takes them: the key of the catalogue."""
    many: str
    """The template for any count but one; empty if the message has no count."""
    arguments: Mapping[str, object]

    def __reduce__(self) -> tuple[Callable[..., Message], tuple[str, str, dict[str, object]]]:
        return _made, (self.template, self.many, dict(self.arguments))


class Catalogue(Protocol):
    """The templates of one language."""

    def one(self, template: str) -> str:
        """The translation; the template itself if it has none."""
        ...

    def counted(self, one: str, many: str, count: int) -> str:
        """The translation that fits a count."""
        ...

    def argument(self, value: object) -> object:
        """How an argument is shown: itself."""
        ...

    def filled(self, template: str, arguments: Mapping[str, object]) -> str:
        """A template of the language with its arguments: as `str.format` makes it."""
        ...


def msg(template: str, /, **arguments: object) -> Message:
    """A message from a template with `{name}` places.

    An argument that is itself a message is said in the same language as the whole; so is what
    an exception says, if that is a message. Everything else is an argument and never translated:
    keys, file names, point ids, what people wrote.
    """
    return _made(template, "", arguments)


def plural(one: str, many: str, /, *, count: int, **arguments: object) -> Message:
    """A message about `{count}` things: `one` for 1, `many` for any other number."""
    return _made(one, many, {"count": count, **arguments})


def joined(by: str, *parts: str) -> Message:
    """Messages one after the other, with `by` between them: `"; "`, `", "`, a line break.

    Only for sentences and names that stand side by side in any language; a sentence is one
    template, never put together from parts.
    """
    places = (f"{{part_{n}}}" for n in range(1, len(parts) + 1))
    between = by.replace("{", "{{").replace("}", "}}")
    return _made(between.join(places), "", {f"part_{n}": p for n, p in enumerate(parts, 1)})


def with_arguments(message: Message, **arguments: object) -> Message:
    """The same message with other arguments in the places that are named."""
    return _made(message.template, message.many, {**message.arguments, **arguments})


def quoted(words: str) -> Message:
    """Somebody else's words as a message: an argument alone, which is never translated."""
    return words if isinstance(words, Message) else msg("{words}", words=words)


def message_of(error: BaseException) -> Message:
    """What an exception says, as the message it was made with where it was made with one."""
    first = error.args[0] if error.args else None
    return first if isinstance(first, Message) else quoted(device_text(str(error)))


def said(message: str, catalogue: Catalogue) -> str:
    """The message in the language of a catalogue; plain text as it is."""
    if not isinstance(message, Message):
        return str(catalogue.argument(message)) if message else ""
    return _said(message, catalogue)


def _said(message: Message, catalogue: Catalogue) -> str:
    if message.many:
        count = message.arguments["count"]
        assert isinstance(count, int)
        template = catalogue.counted(message.template, message.many, count)
    else:
        template = catalogue.one(message.template)
    if not message.arguments:
        return template
    arguments = {
        name: _said(value, catalogue) if isinstance(value, Message) else catalogue.argument(value)
        for name, value in message.arguments.items()
    }
    return catalogue.filled(template, arguments)


def to_json(message: str) -> Json:
    """A message as it is kept and sent: `{"msg": template, "args": {...}}`; plain text as a text.

    A count adds `"many"`: the template for more than one. Times keep their type, so that they
    can be shown by the template's own format; what JSON has no word for becomes its text.
    """
    if not isinstance(message, Message):
        return str(message)
    made: dict[str, Json] = {"msg": message.template}
    if message.many:
        made["many"] = message.many
    if message.arguments:
        made["args"] = {name: _argument(value) for name, value in message.arguments.items()}
    return made


def from_json(kept: object) -> str:
    """What `to_json` made.

    Raises ValueError for what it cannot have made: no text and no template, places that are not
    plain names, or no argument for one.
    """
    if isinstance(kept, str):
        return kept
    if not isinstance(kept, Mapping) or not isinstance(kept.get("msg"), str):
        raise ValueError("not a message")
    many, arguments = kept.get("many", ""), kept.get("args", {})
    if not isinstance(many, str) or not isinstance(arguments, Mapping):
        raise ValueError("not a message")
    template: str = kept["msg"]
    known = {str(name): _read_argument(value) for name, value in arguments.items()}
    for text in (template, many):
        if not _places(text) <= known.keys():
            raise ValueError(f"the message {text!r} lacks an argument")
    if many and not isinstance(known.get("count"), int):
        raise ValueError(f"the message {many!r} lacks its count")
    try:
        return _made(template, many, known)
    except (TypeError, ValueError) as error:
        raise ValueError(f"the message {template!r} does not take {known}") from error


def made_of(message: str) -> str | None:
    """What a message was made of, for a column beside its English text; None for plain text."""
    if not isinstance(message, Message):
        return None
    return _COMPACT(to_json(message))


def remade(text: str, kept: str | None) -> str:
    """The message of a row that keeps `text` and `made_of`; the text where that is unreadable."""
    if kept is None:
        return text
    try:
        return from_json(json.loads(kept))
    except ValueError:
        return text


def same(one: str, other: str) -> bool:
    """Whether two equal texts are one: made of the same, or both somebody's words.

    Quicker than comparing what `made_of` gives.
    """
    if one is other:
        return True
    if type(one) is not Message or type(other) is not Message:
        return type(one) is type(other) and one == other
    if one.template != other.template or one.many != other.many:
        return False
    others = other.arguments
    if len(one.arguments) != len(others):
        return False
    for name, value in one.arguments.items():
        found = others.get(name)
        if value is found:
            continue
        kind = type(value)
        if kind is not type(found) or value != found:
            return False
        if kind is Message and not same(value, found):  # type: ignore[arg-type]
            return False
    return True


def _made(template: str, many: str, arguments: dict[str, object]) -> Message:
    for name, value in arguments.items():
        if isinstance(value, BaseException):
            # An exception would keep alive every frame that it went through.
            arguments[name] = message_of(value)
    chosen = many if many and arguments["count"] != 1 else template
    made = Message(chosen.format(**arguments) if arguments else chosen)
    made.template, made.many, made.arguments = template, many, arguments
    return made


def _argument(value: object) -> Json:
    kind = type(value)
    if kind is str:  # most are: an award has three messages, one in the other
        return value  # type: ignore[return-value]
    if kind is Message or isinstance(value, Message):
        return to_json(value)  # type: ignore[arg-type]
    if isinstance(value, datetime):
        return {"datetime": value.isoformat()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, time):
        return {"time": value.isoformat()}
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, (Real, Decimal)):
        number = float(value)
        return number if math.isfinite(number) else {"float": str(number)}
    return str(value)


_TYPES: Mapping[str, Callable[[str], object]] = {
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "float": float,
}


def _read_argument(kept: object) -> object:
    if isinstance(kept, Mapping):
        if len(kept) == 1:
            (name, text), *_ = kept.items()
            if name in _TYPES:
                return _TYPES[name](str(text))
        return from_json(kept)
    if kept is None or isinstance(kept, (str, bool, int, float)):
        return kept
    raise ValueError("not an argument of a message")


@lru_cache(maxsize=4096)
def _places(template: str) -> frozenset[str]:
    """The names in a template; only plain ones, for this is read from disks and sockets."""
    names = {name for _, name, _, _ in Formatter().parse(template) if name is not None}
    if not all(name.isidentifier() for name in names):
        raise ValueError(f"the message {template!r} has a place that is no name")
    return frozenset(names)
