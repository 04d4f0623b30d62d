"""Green Button (ESPI, NAESB REQ.21): interval data of North American utilities as an Atom feed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Final

from bms.config.shapes.reading_formats import ReadingsFormat
from bms.core.readings import Label
from bms.ledger.files.hostile_xml import BadXml, Node, elements
from bms.ledger.files.series import MOST_VALUES, Contents, Holds, Series
from bms.texts.messages import message_of, msg
from bms.texts.problems import Problem

HEADER: Final = "green-button"
_UNITS: Final = {"72": "Wh", "38": "W", "42": "m3", "134": "L", "73": "varh", "71": "VAh",
                 "63": "var", "61": "VA", "29": "V", "5": "A", "65": "pf", "31": "J"}  # fmt: skip
_OTHER: Final = "uom ?"
_QUALITY: Final = {"7": Label.CORRECTED, "8": Label.ESTIMATED, "9": Label.ESTIMATED,
                   "10": Label.ESTIMATED, "12": Label.ESTIMATED}  # fmt: skip
"""Edited by hand; by a reference day, interpolated, questionable, projected."""
_DIRECTIONS: Final = {"1": "forward", "19": "reverse", "4": "net"}
_LONGEST_S: Final = 400 * 86_400


def is_green_button(text: str) -> bool:
    """Whether this is an Atom feed of energy usage."""
    head = text[:20_000]
    return "<" in head and ("espi" in head.lower() or "IntervalBlock" in text[:2_000_000])


@dataclass(slots=True)
class _Type:
    unit: str = _OTHER
    power_of_ten: int = 0
    step_s: int = 0
    holds: Holds = "intervals"
    direction: str = ""


@dataclass(slots=True)
class _Feed:
    types: dict[str, _Type] = field(default_factory=dict)
    type_of: dict[str, list[str]] = field(default_factory=dict)
    """Links of a meter reading to others, its type among them."""
    titles: dict[str, str] = field(default_factory=dict)
    """Of usage points and meter readings, by their own link."""
    blocks: list[tuple[str, Node, int, str]] = field(default_factory=list)
    """The link up, the block, its line, and the last type before it."""
    last_type: str = ""


def read_green_button(file: str, body: bytes, given: ReadingsFormat) -> Contents:
    """Every meter reading of a feed as a series, stamped by the start of its intervals in UTC."""
    contents = Contents(msg("Green Button"), given.model_copy(update={"header": HEADER}))
    feed = _Feed()
    count = 0

    def take(entry: Node, line: int) -> None:
        nonlocal count
        count += len(entry.children)
        _entry(feed, entry, line)

    try:
        elements([body], "entry", take)
        _series(file, feed, contents)
    except BadXml as error:
        contents.problems.append(Problem(file, 1, 1, message_of(error)))
    return contents


def _entry(feed: _Feed, entry: Node, line: int) -> None:
    links: dict[str, list[str]] = {}
    for link in entry.all("link"):
        links.setdefault(link.attributes.get("rel", ""), []).append(link.attributes.get("href", ""))
    own = (links.get("self") or [f"line {line}"])[0]
    up = (links.get("up") or [""])[0]
    content = entry.first("content") or entry
    for found in content.children:
        if found.name == "ReadingType":
            feed.types[own] = _type(found)
            feed.last_type = own
        elif found.name == "MeterReading":
            feed.type_of[own] = links.get("related", [])
            feed.titles[own] = entry.said("title")
        elif found.name == "UsagePoint":
            feed.titles[own] = entry.said("title")
        elif found.name == "IntervalBlock":
            feed.blocks.append((up, found, line, feed.last_type))


def _type(node: Node) -> _Type:
    uom = node.said("uom")
    behaviour = node.said("accumulationBehaviour")
    unit = _UNITS.get(uom, f"uom {uom}" if uom else _OTHER)
    holds: Holds = "intervals"
    if behaviour in ("1", "3", "9"):  # bulk quantity, cumulative, continuous: a register
        holds = "registers"
    elif unit == "W":
        holds = "power"
    return _Type(
        unit,
        _whole(node.said("powerOfTenMultiplier"), 30) or 0,
        _whole(node.said("intervalLength"), _LONGEST_S) or 0,
        holds,
        _DIRECTIONS.get(node.said("flowDirection"), ""),
    )


def _series(file: str, feed: _Feed, contents: Contents) -> None:
    series: dict[str, Series] = {}
    total = 0
    for up, block, line, last_type in feed.blocks:
        reading = up.removesuffix("/IntervalBlock")
        kind = _type_of(feed, reading, last_type)
        name = _name(feed, reading, kind)
        for one in block.all("IntervalReading"):
            total += 1
            if total > MOST_VALUES:
                message = msg("more than {limit} values; split the file", limit=MOST_VALUES)
                contents.problems.append(Problem(file, line, 1, message))
                return
            step_s = _whole(one.said("timePeriod", "duration"), _LONGEST_S) or kind.step_s
            start_s = _whole(one.said("timePeriod", "start"), 7_000_000_000)
            value = _whole(one.said("value"), 10**18)
            if start_s is None or start_s < 0 or (step_s <= 0 and kind.holds != "registers"):
                message = msg("an interval has no start and duration")
                contents.problems.append(Problem(file, line, 1, message))
                return
            key = f"{name} {step_s}"
            found = series.get(key)
            if found is None:
                step = timedelta(seconds=step_s) if step_s > 0 else None
                found = Series(name, kind.unit, kind.holds, step, "start")
                series[key] = found
                contents.series.append(found)
            label = _QUALITY.get(one.said("ReadingQuality", "quality"))
            if label is not None:
                found.labels[len(found.values)] = label
            amount = None if value is None else value * Fraction(10) ** kind.power_of_ten
            if value is None:
                contents.left.add(msg("cells without a value"), line)
            found.add(datetime.fromtimestamp(start_s, UTC), amount, line)
    if not series:
        nothing = msg("the feed holds no interval readings")
        contents.problems.append(Problem(file, 1, 1, nothing))


def _type_of(feed: _Feed, reading: str, last_type: str) -> _Type:
    for link in feed.type_of.get(reading, ()):
        if link in feed.types:
            return feed.types[link]
    return feed.types.get(last_type, next(iter(feed.types.values()), _Type()))


def _name(feed: _Feed, reading: str, kind: _Type) -> str:
    """What the file calls a meter reading: its usage point by title or number, and the flow."""
    point, found, _ = reading.partition("/MeterReading/")
    title = feed.titles.get(point, "") or (point.rpartition("/")[2] if found else "")
    if not title and len(feed.titles) == 1:
        title = next(iter(feed.titles.values()))
    parts = [title or feed.titles.get(reading, "") or "usage", kind.direction]
    return "/".join(part for part in parts if part)


def _whole(text: str, most: int) -> int | None:
    body = text.removeprefix("-")
    if not body.isdecimal() or not body.isascii() or len(body) > 19 or abs(int(text)) > most:
        return None
    return int(text)
