"""An independent answer to "what is in force?", for random schedules.

It paints whole days minute by minute from the description a test made, without looking at the
library, its types or its order of work.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from schedules.load import load
from schedules.resolve import Resolver

WORDS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_YEAR = [date(2024, 1, 1) + timedelta(days=n) for n in range(366)]


@dataclass
class Drawn:
    """A random schedule; every block is told apart by its own value of one setpoint."""

    seasons: dict[str, tuple[date, date] | None]
    """Windows in a leap year; None is the rest. Empty: no seasons."""
    weeks: dict[str, dict[str, list[tuple[int, int, int]]]]
    """Season, weekdays such as `mon,thu`, blocks of (start, end, value)."""
    rules: list[dict[str, Any]]
    days: dict[date, list[Any]] = field(default_factory=dict)
    """Painted days."""

    def resolver(self, zone: str) -> Resolver:
        library, problems = load(self.files())
        assert library is not None, [str(p) for p in problems]
        resolver = library.resolver("hq.x", zone)
        assert resolver is not None
        return resolver

    def files(self) -> dict[str, str]:
        """As files: JSON is YAML."""
        schedule: dict[str, Any] = {
            "schedule": "drawn",
            "governs": ["hq.x"],
            "otherwise": {"mode": "off", "n": 0},
            "week": {
                season: {words: _written(blocks) for words, blocks in week.items()}
                for season, week in self.weeks.items()
            },
            "exceptions": [],
        }
        files = {}
        if self.seasons:
            schedule["seasons"] = "drawn"
            files["schedules/seasons.yaml"] = json.dumps(
                {
                    "seasons": {
                        "drawn": {
                            name: "rest" if w is None else [f"{w[0]:%m-%d}..{w[1]:%m-%d}"]
                            for name, w in self.seasons.items()
                        }
                    }
                }
            )
        for number, rule in enumerate(self.rules):
            written: dict[str, Any] = {"do": rule["do"]}
            first, last = rule["first"], rule["last"]
            if rule["where"] == "calendar":
                written |= {"calendar": f"c{number}", "entries": "special"}
                entry = {"name": f"e{number}", "dates": [f"{first}..{last}"]}
                years = sorted({first.year, last.year})
                files[f"schedules/calendars/c{number}.yaml"] = json.dumps(
                    {"calendar": f"c{number}", "years": years, "entries": {"special": [entry]}}
                )
            else:
                form = "%m-%d" if rule["where"] == "yearly" else "%Y-%m-%d"
                written |= {
                    "name": f"e{number}",
                    "dates": [
                        f"{first:{form}}..{last:{form}}" if last > first else f"{first:{form}}"
                    ],
                }
            if rule["do"] == "use":
                written["day"] = WORDS[rule["day"]]
            else:
                written["blocks"] = _written(rule["blocks"])
            schedule["exceptions"].append(written)
        files["schedules/drawn.yaml"] = json.dumps(schedule)
        return files

    # --- the oracle --------------------------------------------------------------------------

    def answer(self, wall: datetime) -> tuple[int, str, str]:
        """The value in force, the beginning of the reason and the season of the day."""
        day = wall.date()
        if day not in self.days:
            self.days[day] = self._painted(day)
        return self.days[day][wall.hour * 60 + wall.minute]

    def season(self, day: date) -> str:
        same = date(2024, day.month, day.day)
        for name, window in self.seasons.items():
            if window is None:
                continue
            cursor = window[0]
            while True:
                if cursor == same:
                    return name
                if cursor == window[1]:
                    break
                cursor = _YEAR[(_YEAR.index(cursor) + 1) % 366]
        return next((name for name, window in self.seasons.items() if window is None), "any")

    def _matches(self, rule: dict[str, Any], day: date) -> bool:
        length = (rule["last"] - rule["first"]).days
        for ago in range(length + 1):
            begin = day - timedelta(days=ago)
            if begin == rule["first"]:
                return True
            if rule["where"] == "yearly" and f"{begin:%m%d}" == f"{rule['first']:%m%d}":
                return True
        return False

    def _week(self, season: str, weekday: int) -> list[tuple[int, int, int]]:
        week = self.weeks[season] if season in self.weeks else self.weeks["any"]
        for words, blocks in week.items():
            if WORDS[weekday] in words.split(","):
                return blocks
        return []

    def _parts(self, day: date) -> tuple[list[Any], list[list[Any]], tuple[int, str]]:
        """The day's own blocks with reasons, the blocks added (first wins), and the rest."""
        season = self.season(day)
        decision: tuple[str, list[tuple[int, int, int]]] | None = None
        added = []
        for number, rule in enumerate(self.rules):
            if not self._matches(rule, day):
                continue
            label = f"exception e{number}:"
            if rule["where"] == "calendar":
                label = f"calendar c{number} e{number}:"
            if rule["do"] == "add":
                added.append([(s, e, (v, label)) for s, e, v in rule["blocks"]])
            elif decision is None:
                used = rule["do"] == "use"
                decision = (label, self._week(season, rule["day"]) if used else rule["blocks"])
        if decision is None:
            blocks = self._week(season, day.weekday())
            return [(s, e, (v, "weekly")) for s, e, v in blocks], added, (0, "otherwise")
        label, blocks = decision
        return [(s, e, (v, label)) for s, e, v in blocks], added, (0, label)

    def _painted(self, day: date) -> list[tuple[int, str, str]]:
        own, added, rest = self._parts(day)
        before_own, before_added, _ = self._parts(day - timedelta(days=1))
        season = self.season(day)
        minutes = [rest] * 1440
        for layer in [before_own, *reversed(before_added)]:
            for _, end, what in layer:
                for minute in range(1440, end):
                    minutes[minute - 1440] = what
        for layer in [own, *reversed(added)]:
            for start, end, what in layer:
                for minute in range(start, min(end, 1440)):
                    minutes[minute] = what
        return [(value, why, season) for value, why in minutes]


def _written(blocks: list[tuple[int, int, int]]) -> list[dict[str, Any]]:
    return [
        {
            "from": _time(start),
            "to": _time(end if end == 1440 else end % 1440),
            "mode": "on",
            "n": n,
        }
        for start, end, n in blocks
    ]


def _time(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


@st.composite
def drawn_schedules(draw: st.DrawFn, days: list[date]) -> Drawn:
    """Random schedules with seasons, night blocks and exceptions close to the given days."""
    numbers = iter(range(1, 10_000))
    near = st.sampled_from(days).flatmap(
        lambda day: st.integers(-2, 2).map(lambda n: day + timedelta(days=n))
    )

    def blocks(first: int, tail: int) -> list[tuple[int, int, int]]:
        """Blocks of one day that begin at `first` or later and end by `tail` next day."""
        cuts = draw(
            st.lists(
                st.integers(first, 1440 + tail) | st.sampled_from([first, 90, 120, 150, 180, 1440]),
                unique=True,
                max_size=6,
            )
        )
        cuts = sorted(cut for cut in cuts if cut >= first)
        found = [(a, b, next(numbers)) for a, b in zip(cuts[::2], cuts[1::2], strict=False)]
        return [(a, b, n) for a, b, n in found if a < 1440 and b - a < 1440]

    seasons: dict[str, tuple[date, date] | None] = {}
    if draw(st.booleans()):
        starts = draw(st.lists(near.map(lambda d: _YEAR.index(d.replace(year=2024))), unique=True))
        starts = sorted(starts)[:3]
        for name, start, following in zip("abc", starts, starts[1:], strict=False):
            seasons[name] = (_YEAR[start], _YEAR[following - 1])
        seasons["other"] = None
    weeks: dict[str, dict[str, list[tuple[int, int, int]]]] = {}
    for season in [
        "any",
        *draw(st.sets(st.sampled_from(sorted(seasons)) if seasons else st.nothing())),
    ]:
        early = draw(st.sampled_from([0, 0, 60, 150, 181]))
        share = draw(st.lists(st.integers(0, 3), min_size=7, max_size=7))
        weeks[season] = {
            ",".join(WORDS[d] for d in range(7) if share[d] == part): blocks(early, early)
            for part in sorted(set(share))
            if part
        }
    rules = []
    for _ in range(draw(st.integers(0, 4))):
        do = draw(st.sampled_from(["replace", "use", "add"]))
        first = draw(near)
        rule: dict[str, Any] = {
            "do": do,
            "where": draw(st.sampled_from(["dates", "yearly", "calendar"])),
            "first": first,
            "last": first + timedelta(days=draw(st.integers(0, 2))),
            "day": draw(st.integers(0, 6)),
            "blocks": blocks(0, 400) if do != "use" else [],
        }
        if do != "add" or rule["blocks"]:
            rules.append(rule)
    return Drawn(seasons, weeks, rules)
