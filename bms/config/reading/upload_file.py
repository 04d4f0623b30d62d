"""`uploads.yaml`: what it says, and every mistake in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from bms.config.reading.files import UPLOADS
from bms.config.reading.sections import Names, read_all
from bms.config.shapes.upload_keys import (
    WORD,
    FormatFile,
    Kind,
    PlatformFile,
    UploadsFile,
    conversion,
)
from bms.core.instants import is_zone
from bms.texts.messages import msg
from bms.texts.problems import Document, Problem, suggestion
from bms.texts.yaml.parsing import validate

OF_MESSAGE: Final = frozenset(
    ("message_id", "message_uuid", "enterprise", "kind", "start", "end", "made", "correction",
     "revision", "count", "readings")
)  # fmt: skip
OF_READING: Final = (OF_MESSAGE - {"readings"}) | {
    "meter", "code", "energy", "unit", "value", "quality",
}  # fmt: skip
_DEEPEST: Final = 20


def read_uploads_file(
    text: str, units: Mapping[str, str] | None, zone: str
) -> tuple[UploadsFile | None, list[Problem]]:
    """`uploads.yaml`, and every problem of it. None if it cannot be used.

    `units` are those of the site's meters, by name, None if nobody knows; `zone` is the site's.
    Only uploads read the file: each problem withholds them, and nothing that controls.
    """
    documents, problems, _ = read_all({UPLOADS: text})
    if not documents:
        return None, _withheld(problems)
    (document,) = documents
    file, found = validate(UploadsFile, document)
    problems += found
    if file is not None:
        for name, form in file.formats.items():
            served = [p for p in file.platforms.values() if p.format == name]
            meters = [m for p in served or file.platforms.values() for m in p.meters.values()]
            more = {word for meter in meters for word in meter.more}
            problems += _of_format(document, name, form, more)
        for name, platform in file.platforms.items():
            problems += _of_platform(document, file, name, units)
            problems += _of_times(document, file, name, platform.zone or zone)
    return (None if problems else file), _withheld(problems)


def _withheld(problems: list[Problem]) -> list[Problem]:
    return [replace(problem, withholds=UPLOADS) for problem in problems]


def _of_format(
    document: Document, name: str, form: FormatFile, more: set[str]
) -> Iterator[Problem]:
    path = ("formats", name)
    used = set[str]()
    for part, known in (("body", OF_MESSAGE), ("reading", OF_READING | more)):
        words, depth = words_in(getattr(form, part))
        used |= words
        if depth > _DEEPEST:
            yield document.problem((*path, part), msg("this is nested too deeply"))
        for word in sorted(words - known):
            message = msg("no word '{word}' here", word=word)
            yield document.problem((*path, part), message, suggestion(word, known))
    needed = {
        "readings": msg("no meter would be sent: {word} belongs into the body", word="{readings}"),
        "value": msg("no amount would be sent: {word} belongs into a reading", word="{value}"),
    }
    for word, message in needed.items():
        if word not in used:
            yield document.problem(path, message, key=True)
    if not used & {"correction", "revision"}:
        message = msg(
            "nobody could tell a correction from a first message: {word} or {other_word} belongs "
            "into it",
            word="{correction}",
            other_word="{revision}",
        )
        yield document.problem(path, message, key=True)


def words_in(template: Any, depth: int = 0) -> tuple[set[str], int]:
    """The words that a template asks for, and how deeply it is nested."""
    if isinstance(template, str):
        return set(WORD.findall(template)), depth
    inner = list(template.values()) if isinstance(template, dict) else template
    if not isinstance(inner, list) or depth > _DEEPEST:
        return set(), depth
    found = [words_in(part, depth + 1) for part in inner]
    return set().union(*(words for words, _ in found)), max((d for _, d in found), default=depth)


def _of_platform(
    document: Document, file: UploadsFile, name: str, units: Mapping[str, str] | None
) -> Iterator[Problem]:
    platform, path = file.platforms[name], ("platforms", name)
    meters = Names(set(units or ()), units is not None)
    units = units or {}
    if platform.format not in file.formats:
        message = msg("no format '{name}'", name=platform.format)
        hint = suggestion(platform.format, file.formats)
        yield document.problem((*path, "format"), message, hint)
    if platform.zone is not None and not is_zone(platform.zone):
        message = msg("no time zone '{zone}'", zone=platform.zone)
        yield document.problem((*path, "zone"), message)
    form = file.formats.get(platform.format)
    wanted = set[str]() if form is None else words_in(form.reading)[0] - OF_READING
    seen: dict[str, str] = {}
    for meter, told in platform.meters.items():
        at = (*path, "meters", meter)
        yield from meters.unknown(document, at, meter, msg("meter"), key=True)
        if any(wanted <= other.more.keys() for other in platform.meters.values()):
            for word in sorted(wanted - told.more.keys()):
                message = msg("the format wants '{word}', which this meter lacks", word=word)
                hint = msg("give it under '{key}'", key="more")
                yield document.problem(at, message, hint, key=True)
        place = f"{told.code}\n{told.energy}"
        if (other := seen.setdefault(place, meter)) != meter:
            message = msg(
                "'{meter}' has the same code as '{other_meter}'", meter=meter, other_meter=other
            )
            yield document.problem((*at, "code"), message)
        own = units.get(meter)
        if own and told.unit is not None and conversion(own, told.unit) is None:
            message = msg("a meter in {own} has no amount in {unit}", own=own, unit=told.unit)
            hint = msg("leave '{key}' out, and give '{other_key}' and '{third_key}'",
                       key="unit", other_key="unit_code", third_key="factor")  # fmt: skip
            yield document.problem((*at, "unit"), message, hint)


def _of_times(document: Document, file: UploadsFile, name: str, zone: str) -> Iterator[Problem]:
    """Two quarter hours may not have the same time where clocks are put back."""
    platform: PlatformFile = file.platforms[name]
    form = file.formats.get(platform.format)
    if form is None or Kind.QUARTER not in platform.paths or not is_zone(zone):
        return
    pattern = form.times.get(Kind.QUARTER, "iso")
    shown = pattern in ("iso", "epoch_s", "epoch_ms") or "%z" in pattern or "%s" in pattern
    info = ZoneInfo(zone)
    offsets = {datetime(2026, month, 1, tzinfo=UTC).astimezone(info).utcoffset()
               for month in range(1, 13)}  # fmt: skip
    if not shown and len(offsets) > 1:
        message = msg(
            "clocks are put back in {zone}: two quarter hours would have the same time", zone=zone
        )
        hint = msg("write {pattern}, {other_pattern} or a pattern with {offset}",
                   pattern="iso", other_pattern="epoch_ms", offset="%z")  # fmt: skip
        yield document.problem(("formats", platform.format, "times"), message, hint)
