"""How a figure, a moment and a text are written, in the language that is spoken: for every face."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from bms.core.readings import Label
from bms.energy.intervals import to_decimal
from bms.reports.documents.document import Cell, Column, Figure, Kind, Quantity, Text
from bms.texts.clean import harmless
from bms.texts.language import language, say, told, weekday
from bms.texts.messages import msg

DASH = "—"
_PLAIN = (Label.MEASURED, Label.CORRECTED, Label.DERIVED)
"""Labels that need no remark beside a figure."""


def spoken(text: Text) -> str:
    """A text in the language that is spoken; a name falls back to its other language."""
    if isinstance(text, str):
        return told(text)
    other = "en" if language() == "zh" else "zh"
    return harmless(text.titles.get(language()) or text.titles.get(other) or text.key)


def plain(value: Quantity) -> int | float:
    """A number as JSON, CSV and workbooks keep it: to the millionth, whole where it is whole."""
    exact = Fraction(value)
    if exact.denominator == 1:
        return int(exact)
    return round(float(exact), 6)


def number(value: Quantity, decimals: int, *, sign: bool = False) -> str:
    """A number as people read it: `12,345.6`, `−3.2`, and `+3.2` where its sign is shown."""
    step = Decimal(1).scaleb(-decimals)
    rounded = to_decimal(Fraction(value)).quantize(step, ROUND_HALF_UP)
    if rounded == 0:
        return f"{abs(rounded):,}"
    return f"{rounded:+,}".replace("-", "−") if sign else f"{rounded:,}".replace("-", "−")


def figure(found: Figure, decimals: int, *, sign: bool = False) -> str:
    """A figure without its remark: what is missing is a dash."""
    return DASH if found.value is None else number(found.value, decimals, sign=sign)


def moment(at: datetime) -> str:
    """A local moment to the minute, with its day of the week; with its offset where the clock
    shows that time twice."""
    twice = at.replace(fold=0).utcoffset() != at.replace(fold=1).utcoffset()
    offset = f" {at:%z}" if twice else ""
    return f"{at:%Y-%m-%d} {weekday(at)} {at:%H:%M}{offset}"


def cell_text(cell: Cell, column: Column) -> str:
    """A cell as people read it, without its remark."""
    if cell is None:
        return ""
    if isinstance(cell, Figure):
        return figure(cell, column.decimals, sign=column.kind is Kind.CHANGE)
    if isinstance(cell, datetime):
        return moment(cell)
    if isinstance(cell, date):
        return f"{cell:%Y-%m-%d} {weekday(cell)}"
    return spoken(cell)


def remark(found: Figure, decimals: int, unit: Text = "") -> str:
    """What has to be known beside a figure; empty for one that is measured."""
    words: list[str] = []
    if found.value is None:
        words.append(say("missing"))
    elif found.label not in _PLAIN and not found.reason:
        words.append(label_word(found.label))
    if found.reason:
        words.append(spoken(found.reason))
    bounds = told(bounds_text(found, decimals))
    if bounds:
        words.append(f"{bounds} {spoken(unit)}".strip())
    return (", " if language() == "en" else "，").join(words)


def bounds_text(found: Figure, decimals: int) -> str:
    """The least and the most that a figure can be, to be said; empty where nobody knows."""
    least, most = found.least, found.most
    if least is None and most is None:
        return ""
    if most is None and least is not None:
        return msg("at least {least}", least=number(least, decimals))
    if least is None and most is not None:
        return msg("at most {most}", most=number(most, decimals))
    assert least is not None
    assert most is not None
    return msg(
        "between {least} and {most}", least=number(least, decimals), most=number(most, decimals)
    )


def label_word(label: Label) -> str:
    """A label of the ledger, said."""
    words = {
        Label.MEASURED: say("measured"),
        Label.CORRECTED: say("corrected"),
        Label.DERIVED: say("derived"),
        Label.ALLOCATED: say("allocated"),
        Label.MANUAL: say("manual"),
        Label.ESTIMATED: say("estimated"),
        Label.MISSING: say("missing"),
    }
    return words[label]


class Remarks:
    """The remarks of one table, numbered as they come up; equal ones have one number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def of(self, cell: Cell, column: Column) -> int | None:
        """The number of a cell's remark; None if it needs none."""
        if not isinstance(cell, Figure):
            return None
        return self.numbered(remark(cell, column.decimals, column.unit))

    def numbered(self, text: str) -> int | None:
        """The number of a remark; None for an empty one."""
        if not text:
            return None
        return self._numbers.setdefault(text, len(self._numbers) + 1)

    def __iter__(self) -> Iterator[tuple[int, str]]:
        return ((count, text) for text, count in self._numbers.items())


def said_all(texts: Iterable[Text]) -> list[str]:
    """Texts in the language that is spoken."""
    return [spoken(text) for text in texts]
