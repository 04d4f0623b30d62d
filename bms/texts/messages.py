"""Messages for people that can be said in another language later.

A message is an ordinary English `str` wherever it goes; it also remembers the template and the
arguments that it was made of, so that whoever shows it can look the template up in a catalogue.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping


class Text(str):
    """A message, with what it was made of."""

    __slots__ = ("arguments", "template")

    template: str
    arguments: Mapping[str, object]

    def __reduce__(self) -> tuple[Callable[..., Text], tuple[str, dict[str, object]]]:
        return _again, (self.template, dict(self.arguments))


def msg(template: str, /, **arguments: object) -> Text:
    """A message from a template with `{name}` places, as `str.format` takes them.

    An argument that is itself a message is said in the same language as the whole.
    """
    made = Text(template.format(**arguments) if arguments else template)
    made.template, made.arguments = template, arguments
    return made


def said(message: str, look_up: Callable[[str], str], retell: Callable[[str], str]) -> str:
    """The message with its template, and those within it, looked up; English text that has no
    template any more is told again by `retell`."""
    if not message:
        return ""
    if not isinstance(message, Text):
        return retell(message)
    template = look_up(message.template)
    if not message.arguments:
        return template
    arguments = {
        name: said(value, look_up, retell) if isinstance(value, Text) else _retold(value, retell)
        for name, value in message.arguments.items()
    }
    return template.format(**arguments)


def _retold(value: object, retell: Callable[[str], str]) -> object:
    """What an exception says is no word of anybody's; everything else stays as it is."""
    return retell(str(value)) if isinstance(value, Exception) else value


def _again(template: str, arguments: dict[str, object]) -> Text:
    return msg(template, **arguments)
