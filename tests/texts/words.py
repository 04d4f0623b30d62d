"""Which Latin words may stand in a Chinese text, outside of arguments."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from bms.texts.language import marking, speaking, told
from bms.texts.messages import Message
from bms.texts.problems import Problem

MARKED = re.compile("⟦[^⟦⟧]*⟧")
"""What `Marked` shows: an argument, or what somebody wrote."""
_COPIED = re.compile(
    r"""'[^'\s][^'\n]*'        # keys, and commands to copy, in quotes
      | `[^`]+`
      | \bbms(?:\ [a-z-]+)+(?:\ SITE\ .*)?
      | \b(?:pip\ install|mv)\b
      | (?<![\w-])--?[a-z][a-z-]*        # options
      | \[default:             # of click
      | \([a-z]\)              # keys to press
      | \b(?:https?|opc\.tcp)://\S*
      | "?\{base\}[\w.]*"?
      | \b[A-Za-z_]+=\S*       # name=value
      | \b[0-9A-F]{16,}\b      # thumbprints
      | [\d.]+<=x<=[\d.]+ | x>=[\d.]+  # ranges of click
      | \b[a-z_]+:\ (?:"\w+"|\[[^]]*\]|\{[^}]*\}|[a-z_]+|\d+|⟦⟧)   # key: value
      | \b[a-z]+(?:_[a-z0-9]+)+\b                           # keys and points of more words
      | (?:[\w<>⟦⟧*-]+[./])*[\w<>⟦⟧*-]*\.(?:yaml|db|csv|draft|json)\b
      | \bschedules/\w* | \bSITE/simulated | \bmodule:Class
      | \d{4}-\d\d-\d\d(?:T[\d:]+)?
      | \b(?:\d+[dhm])+\b | \b0x[0-9A-F]+ | \ba-z\b | \b\d\.x\b | -----BEGIN\ CERTIFICATE-----
      | \b(?:sunrise|sunset)(?:[+-][\w:]+)?
      | \b(?:u?int|float)\d+\b
      | \bns(?:=2|u=urn:maker);s=Name | \b(?:holding|input|coil|discrete):\d+
    """,
    re.VERBOSE,
)
_SENTENCE = re.compile(r"\b[a-z]{2,} [a-z]{2,}\b")
"""What no key, id or file name looks like."""
_QUOTED = re.compile(r"(?<!\w)'([a-z_]+)'")
"""A key, as it stands in a file."""
_METAVARIABLE = re.compile(r"[A-Z][A-Z_]+")
"""Of click: SITE, POINT. Also most abbreviations."""
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_UNITS = "kWh kW lx kPa Pa MB GB min ms s h d K g p50 p95 p99 degC m m3 ppm Z"
_NAMES = (
    "Modbus OPC-UA InfluxDB VictoriaMetrics SunSpec TLS CSV UTF-8 DBRP Parquet Ctrl-C SQLite "
    "SHA-1 SHA-256 Float base64 bms id bucket measurement pyarrow No Content "
    "NEM12 Green Button Excel xlsx xls 7z z gzip CO2 PID COP EnergyPlus FMU variants "
    "R p html json csv HTML JSON NMBE CV RMSE"
)
_WRITTEN = (
    # what is written so in files and commands: states, days, moments, languages
    "on off true false mon tue wed thu fri sat sun mon-fri daily tomorrow yesterday end-of-block "
    "zh en bool string measurement setpoint command state counter"
)
KEPT = frozenset(f"{_UNITS} {_NAMES} {_WRITTEN}".split())


class Marked:
    """An argument that shows where it begins and ends, whatever its format is."""

    def __init__(self, shown: object) -> None:
        self._shown = shown

    def __format__(self, form: str) -> str:
        return f"⟦{format(self._shown, form)}⟧"

    def __str__(self) -> str:
        return f"⟦{self._shown}⟧"

    def __repr__(self) -> str:
        return f"⟦{self._shown!r}⟧"


def english(text: str) -> list[str]:
    """The words that are English, or might be: neither marked nor to be copied nor known."""
    return sorted(set(_left(text)))


def sentences(text: str) -> list[str]:
    """Marked arguments that look like English sentences."""
    return [part for part in MARKED.findall(text) if _SENTENCE.search(_COPIED.sub(" ", part))]


def all_chinese(problems: Iterable[Problem], sources: Mapping[str, str]) -> None:
    """Every problem can be said in Chinese, and no argument is an English sentence of ours."""
    written = "\n".join(sources.values())
    with speaking("zh"), marking(Marked):
        for problem in problems:
            for message in (problem.message, problem.hint):
                said = told(message)
                assert english(said) == [], problem
                assert all(key in said for key in _QUOTED.findall(message)), problem
            for text in (*arguments(problem.message), *arguments(problem.hint)):
                sentence = _SENTENCE.search(_COPIED.sub(" ", text))
                assert not sentence or text in written, f"{text!r} in {problem}"


def arguments(message: str) -> Iterator[str]:
    """The texts that a message shows as arguments, also those of messages in it."""
    if not isinstance(message, Message):
        yield message
        return
    for argument in message.arguments.values():
        if isinstance(argument, str):
            yield from arguments(argument)


def _left(text: str) -> Iterator[str]:
    plain = _COPIED.sub(" ", MARKED.sub(" ", text))
    for word in _WORD.findall(plain):
        if word not in KEPT and not _METAVARIABLE.fullmatch(word):
            yield word
