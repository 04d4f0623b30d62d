"""The command line in the reader's language: help, and the words that click itself says."""

from __future__ import annotations

import copy
import inspect
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import click

from bms.language import CATALOGUES, DOMAIN, LANGUAGES, language, language_of, say, speaking


def lang_option() -> click.Option:
    """`--lang`, which every command takes at any place."""

    def choose(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
        if value is not None:
            ctx.find_root().with_resource(speak(value))

    return click.Option(
        ["--lang"],
        type=click.Choice(LANGUAGES),
        expose_value=False,
        is_eager=True,
        callback=choose,
        help="Language of messages.  [default: that of the system, or BMS_LANG]",
    )


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
    made.params = [_spoken_option(param) for param in command.params]
    if all(param.name != "lang" for param in made.params):
        made.params.append(_spoken_option(lang_option()))
    setattr(made, "format_help", partial(_format_help, command))  # noqa: B010 - of this copy
    if language() != "en" and made.help:
        made.help = say(inspect.cleandoc(made.help))
        made.short_help = made.help.split("\n", 1)[0]
    return made


def _format_help(
    command: click.Command, ctx: click.Context, formatter: click.HelpFormatter
) -> None:
    """Once more, because `--lang` may stand behind the command."""
    made = spoken(command)
    type(command).format_help(made, ctx, formatter)


def _spoken_option(param: click.Parameter) -> click.Parameter:
    if language() == "en" or not isinstance(param, click.Option) or not param.help:
        return param
    made = copy.copy(param)
    made.help = say(param.help)
    return made
