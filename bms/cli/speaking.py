"""The command line in the reader's language: help, and the words that click itself says."""

from __future__ import annotations

import copy
import inspect
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click

from bms.texts.language import CATALOGUES, DOMAIN, LANGUAGES, language, language_of, say, speaking


def lang_option() -> click.Option:
    """`--lang`, which every command takes at any place; `asked` has looked for it before."""
    return click.Option(
        ["--lang"],
        type=click.Choice(LANGUAGES),
        expose_value=False,
        help="Language of messages.  [default: that of the system, or BMS_LANG]",
    )


def asked(arguments: Sequence[str]) -> str | None:
    """The language that the arguments ask for: needed before they are parsed, for what is wrong
    with them is to be said in it."""
    for n, word in enumerate(arguments):
        if word == "--":
            break
        name, sign, value = word.partition("=")
        if name == "--lang":
            wanted = value if sign else "".join(arguments[n + 1 : n + 2])
            return wanted if wanted in LANGUAGES else None
    return None


@contextmanager
def speak(wanted: str | None = None) -> Iterator[None]:
    """Speak a language, the system's own if none is named, and let click speak it too.

    click looks its words up through the process's default domain and `LANGUAGE`; both are put
    back afterwards.
    """
    import gettext

    chosen = wanted or language_of(os.environ)
    before = os.environ.get("LANGUAGE"), gettext.textdomain()
    with speaking(chosen):
        gettext.bindtextdomain(DOMAIN, str(CATALOGUES))
        gettext.textdomain(DOMAIN)
        os.environ["LANGUAGE"] = chosen
        try:
            yield
        finally:
            gettext.textdomain(before[1])
            if before[0] is None:
                os.environ.pop("LANGUAGE", None)
            else:
                os.environ["LANGUAGE"] = before[0]


def spoken(command: click.Command) -> click.Command:
    """The command with its help in the language that is spoken, and with `--lang`."""
    made = copy.copy(command)
    made._help_option = None  # click keeps its `--help` in the language it was first asked in
    made.params = [_spoken_option(param) for param in command.params]
    if all(param.name != "lang" for param in made.params):
        made.params.append(_spoken_option(lang_option()))
    if language() != "en" and made.help:
        made.help = say(inspect.cleandoc(made.help))
        made.short_help = made.help.split("\n", 1)[0]
    return made


def _spoken_option(param: click.Parameter) -> click.Parameter:
    if language() == "en" or not isinstance(param, click.Option) or not param.help:
        return param
    made = copy.copy(param)
    made.help = say(param.help)
    return made
