"""Messages in a platform's words: the same figures make the same bytes. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from typing import Any, Final, NamedTuple
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

from bms.config.shapes.upload_keys import WORD, FormatFile, Kind, MeterUpload, Quality
from bms.core.instants import from_ms, to_ms
from bms.forward.platforms.periods import Period

_ABSENT: Final = object()


class Figure(NamedTuple):
    """What one meter measured in a period, in its own unit."""

    meter: str
    amount: Fraction | None
    """None: unknown, which is never 0."""
    quality: Quality


@dataclass(frozen=True, slots=True)
class Reported:
    """A meter as it is reported to one platform."""

    name: str
    told: MeterUpload
    unit: str
    """In which amounts are sent."""
    factor: Fraction
    """From the meter's own unit to what is sent."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who reports to whom, and how."""

    site: str
    platform: str
    enterprise: str
    zone: ZoneInfo
    form: FormatFile
    meters: Mapping[str, Reported]


Sent = Mapping[str, tuple[str | None, str]]
"""By meter: the amount as it is sent, None if it is missing, and its quality."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A message that nobody has seen yet."""

    period: Period
    revision: int
    """0 for the first of its period, then 1, 2 …: corrections."""
    message_id: str
    body: bytes
    sent: Sent

    @property
    def valued(self) -> int:
        """How many of the meters have an amount."""
        return sum(amount is not None for amount, _ in self.sent.values())


def sent_figures(sender: Sender, figures: Sequence[Figure]) -> Sent:
    """Figures as they are sent: in the platform's unit, rounded."""
    return {
        figure.meter: (
            None
            if figure.amount is None
            else _rounded(figure.amount * sender.meters[figure.meter].factor, sender.form.decimals),
            figure.quality.value,
        )
        for figure in figures
    }


def message_id_of(sender: Sender, period: Period, revision: int) -> str:
    """The same for the same figures of the same site, whoever makes the message and when."""
    start = from_ms(period.start_ms)
    name = f"{sender.site}-{sender.platform}-{period.kind.value}-{start:%Y%m%dT%H%MZ}"
    return f"{name}-{revision}"


def draft(sender: Sender, period: Period, sent: Sent, made: datetime, revision: int = 0) -> Draft:
    """The message of one period."""
    form, kind = sender.form, period.kind
    message_id = message_id_of(sender, period, revision)
    pattern = form.times.get(kind, "iso")
    again = form.corrections.get("again", True)
    words: dict[str, Any] = {
        "message_id": message_id,
        "message_uuid": str(uuid5(NAMESPACE_URL, message_id)),
        "enterprise": sender.enterprise,
        "kind": form.kinds.get(kind, kind.value),
        "start": _time(from_ms(period.start_ms), pattern, sender.zone),
        "end": _time(from_ms(period.end_ms), pattern, sender.zone),
        "made": _time(made, form.made, sender.zone),
        "correction": again if revision else form.corrections.get("first", False),
        "revision": revision,
    }
    readings = [
        _filled(form.reading, words | _of_meter(sender, meter, amount, quality))
        for meter, (amount, quality) in sent.items()
        if amount is not None or form.missing != "omit_meter"
    ]
    words |= {"count": len(readings), "readings": readings}
    filled = _filled(form.body, words)
    body = json.dumps(filled, ensure_ascii=False, separators=(",", ":"), default=str)
    return Draft(period, revision, message_id, body.encode(), sent)


def _of_meter(sender: Sender, meter: str, amount: str | None, quality: str) -> dict[str, Any]:
    reported, form = sender.meters[meter], sender.form
    told = reported.told
    value: Any = amount
    if amount is not None and form.numbers == "number":
        value = float(amount) if "." in amount else int(amount)
    if amount is None and form.missing == "omit_field":
        value = _ABSENT
    return {
        **told.more,
        "meter": meter,
        "code": told.code,
        "energy": told.energy,
        "unit": reported.unit if told.unit_code is None else told.unit_code,
        "value": value,
        "quality": form.quality.get(Quality(quality), quality),
    }


def _filled(template: Any, words: Mapping[str, Any]) -> Any:
    if isinstance(template, dict):
        filled = {key: _filled(part, words) for key, part in template.items()}
        return {key: part for key, part in filled.items() if part is not _ABSENT}
    if isinstance(template, list):
        filled_parts = [_filled(part, words) for part in template]
        return [part for part in filled_parts if part is not _ABSENT]
    if not isinstance(template, str):
        return template
    if (alone := WORD.fullmatch(template)) is not None:
        return words.get(alone[1])
    asked = [words.get(name) for name in WORD.findall(template)]
    for value in asked:  # half a text around nothing would look like a value
        if value is None or value is _ABSENT:
            return value
    return WORD.sub(lambda found: str(words[found[1]]), template)


def _time(time: datetime, pattern: str, zone: ZoneInfo) -> str | int:
    if pattern == "epoch_ms":
        return to_ms(time)
    if pattern == "epoch_s":
        return to_ms(time) // 1000
    local = time.astimezone(zone)
    return local.isoformat(timespec="seconds") if pattern == "iso" else local.strftime(pattern)


def _rounded(value: Fraction, decimals: int) -> str:
    with localcontext() as context:
        context.prec = 60
        exact = Decimal(value.numerator) / Decimal(value.denominator)
        found = exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN)
    return format(found, "f")


def acknowledges(form: FormatFile, status: int, answer: bytes | None) -> str:
    """Empty if an answer acknowledges a message, else what is wrong with it.

    `answer` is None where it was longer than anybody wants to read.
    """
    if not 200 <= status < 300:
        return str(status)
    wanted = form.acknowledged
    if wanted is None:
        return ""
    if answer is None:
        return f"{status}, ..."
    try:
        found = json.loads(answer)
    except (ValueError, RecursionError):
        return f"{status}, {_words(answer)}"
    for key in wanted.field.split("."):
        found = found.get(key) if isinstance(found, dict) else None
    # JSON's `true` is not 1: as somebody writes it in the file, so it has to come.
    if any(type(found) is type(value) and found == value for value in wanted.values):
        return ""
    return f"{wanted.field}: {found!r:.100} ({_words(answer)})"


def _words(answer: bytes) -> str:
    return " ".join(answer[:300].decode(errors="replace").split())


def in_kinds(paths: Mapping[Kind, str]) -> list[Kind]:
    """The kinds that are sent, the shortest first."""
    return [kind for kind in Kind if kind in paths]
