"""An independent answer to "what is in force?", for random schedules.

It paints whole days minute by minute from the description a test made, and asks every instant
by itself what was switched by then, without looking at the library, its types or its order of
work. Only for sunrise and sunset it asks astral too, by another door.
"""

from __future__ import annotations

import calendar
import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from astral import Observer
from astral.sun import sunrise, sunset
from hypothesis import strategies as st

from schedules.answering.resolve import Resolver
from schedules.files.folder import load
from schedules.model.context import Context, Extension, OverlayLevel, Place, SeasonSpell

PLACES = {
    "Europe/Berlin": (52.52, 13.4),
    "America/New_York": (40.71, -74.0),
    "Australia/Lord_Howe": (-31.55, 159.08),
    "Asia/Shanghai": (30.19, 120.21),
}
_MINUTE = timedelta(minutes=1)

WORDS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_IN_WORDS = [
    *(f"{n} {day}" for n in ("1st", "2nd", "last") for day in ("sun", "sat", "mon", "day")),
    *("5th sun", "last weekday", "1st weekday", "odd days", "even days"),
    *("last sun of 03", "last sun of 10", "2nd sun of 03", "1st sun of 11", "last day of 02"),
]
_YEAR = [date(2024, 1, 1) + timedelta(days=n) for n in range(366)]


@dataclass
class Drawn:
    """A random schedule; every block is told apart by its own value of one setpoint."""

    seasons: dict[str, tuple[date, date] | None]
    """Windows in a leap year; None is the rest. Empty: no seasons."""
    weeks: dict[str, dict[str, list[tuple[int, int, int]]]]
    """Season, weekdays such as `mon,thu`, blocks of (start, end, value)."""
    rules: list[dict[str, Any]]
    spells: list[tuple[datetime, str]] = field(default_factory=list)
    extensions: list[tuple[datetime, datetime, int]] = field(default_factory=list)
    overlays: list[dict[str, Any]] = field(default_factory=list)
    zone: str = "Asia/Shanghai"
    days: dict[Any, list[Any]] = field(default_factory=dict)
    """Painted days, by date, season, and the season of the day before."""
    answers: dict[datetime, tuple[str, int, str, str, list[int]]] = field(default_factory=dict)
    begins: dict[date, datetime] = field(default_factory=dict)

    def resolver(self, zone: str) -> Resolver:
        """The answers of the library; from here on the oracle answers for this zone too."""
        self.zone = zone
        self.days.clear()
        self.answers.clear()
        self.begins.clear()
        library, problems = load(self.files())
        assert library is not None, [str(p) for p in problems]
        resolver = library.resolver(
            "hq.x", zone, place=Place(*PLACES[zone]), context=self._context()
        )
        assert resolver is not None
        return resolver

    def _context(self) -> Context:
        levels = [
            OverlayLevel(f"o{n}", level, start, until, "wang", "test")
            for n, overlay in enumerate(self.overlays)
            for start, until, level in overlay.get("set", ())
        ]
        return Context(
            {("drawn", "hq"): tuple(SeasonSpell(at, name, "test") for at, name in self.spells)},
            tuple(levels),
            tuple(
                Extension(n, "u", "hq.x", start, end, "on", {"n": value}, "li", "test")
                for n, (start, end, value) in enumerate(self.extensions)
            ),
        )

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
            if rule["priority"] is not None:
                written["priority"] = rule["priority"]
            first, last = rule["first"], rule["last"]
            if rule["where"] == "calendar":
                written |= {"calendar": f"c{number}", "entries": "special"}
                entry = {"name": f"e{number}", "dates": [f"{first}..{last}"]}
                years = sorted({first.year, last.year})
                files[f"schedules/calendars/c{number}.yaml"] = json.dumps(
                    {"calendar": f"c{number}", "years": years, "entries": {"special": [entry]}}
                )
            elif rule["where"] == "words":
                written |= {"name": f"e{number}", "dates": rule["words"]}
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
        if self.overlays:
            written_overlays = {f"o{n}": _overlay(o) for n, o in enumerate(self.overlays)}
            files["schedules/overlays.yaml"] = json.dumps({"overlays": written_overlays})
        return files

    # --- the oracle --------------------------------------------------------------------------

    def answer(self, at: datetime) -> tuple[str, int, str, str, list[int]]:
        """Mode, value, beginning of the reason, season of the day, and values that it beats."""
        if at not in self.answers:
            self.answers[at] = self._answer(at)
        return self.answers[at]

    def _answer(self, at: datetime) -> tuple[str, int, str, str, list[int]]:
        wall = at.astimezone(ZoneInfo(self.zone))
        day = wall.date()
        begin = self._begin(day, at)
        now, since = self._season_at(at)
        before = now if since is not None and since > begin else self._season_at(begin, True)[0]
        key = (day, now, before)
        if key not in self.days:
            self.days[key] = self._painted(day, now, before)
        ladder = self.days[key][wall.hour * 60 + wall.minute]
        value, why, season = ladder[0]
        mode = "on" if value else "off"
        beaten = [rung[0] for rung in ladder[1:]]
        for start, end, mine in self.extensions:
            if start <= at < end:
                mode, beaten = "on", [value, *beaten]
                value, why = mine, "extension"
        return mode, value, why, season, beaten

    def forget(self, at: datetime) -> None:
        """Drop what was answered long before an instant, once in a while."""
        if len(self.answers) > 20_000:
            self.answers = {k: v for k, v in self.answers.items() if k > at - timedelta(days=1)}
            self.days.clear()

    def effective(self, at: datetime) -> tuple[str, dict[str, int]]:
        """Mode and values with the overlays on top."""
        mode, value, *_ = self.answer(at)
        values = {"n": value}
        for number in range(len(self.overlays)):
            given = self.given(number, at)
            mode = given.pop("mode", mode)
            values |= given
        return mode, values

    def given(self, number: int, at: datetime) -> dict[str, Any]:
        """What one overlay gives at an instant."""
        overlay = self.overlays[number]
        level = None
        if "set" in overlay:
            for start, until, name in overlay["set"]:
                if start <= at < until:
                    level = name
        elif any(self._occasion(occasion, at) for occasion in overlay["when"]):
            level = "on"
        given: dict[str, Any] = {}
        for giving in overlay["levels"].get(level, ()):
            wanted = giving.get("while")
            minutes = range(giving.get("after", 0) + 1)
            if wanted and not any(self.answer(at - n * _MINUTE)[0] == wanted for n in minutes):
                continue
            given |= {name: giving[name] for name in ("mode", "n", "m") if name in giving}
        return given

    def _occasion(self, occasion: dict[str, Any], at: datetime) -> bool:
        wall = at.astimezone(ZoneInfo(self.zone))
        minute = wall.hour * 60 + wall.minute
        today, yesterday = wall.date(), wall.date() - timedelta(days=1)

        def on(day: date) -> bool:
            return (
                occasion["first"] <= day <= occasion["last"] and day.weekday() in occasion["days"]
            )

        return (on(today) and occasion["start"] <= minute < occasion["end"]) or (
            on(yesterday) and minute < occasion["end"] - 1440
        )

    def _season_at(self, at: datetime, just_before: bool = False) -> tuple[str, datetime | None]:
        """The season at an instant (or just before it), and when it was switched, if it was."""
        passed = [s for s in self.spells if s[0] < at or (s[0] == at and not just_before)]
        if passed:
            return passed[-1][1], passed[-1][0]
        moment = at - timedelta(microseconds=1) if just_before else at
        return self.season(moment.astimezone(ZoneInfo(self.zone)).date()), None

    def _begin(self, day: date, at: datetime) -> datetime:
        """The first minute of a local date, by walking back to it."""
        if day not in self.begins:
            while (at - _MINUTE).astimezone(ZoneInfo(self.zone)).date() == day:
                at -= _MINUTE
            self.begins[day] = at
        return self.begins[day]

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
        if rule["where"] == "words":
            return day in _days_in_words(rule["words"], day.year)
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

    def _parts(self, day: date, season: str) -> tuple[list[Any], list[Any]]:
        """What runs, the first wins and runs on past midnight; and what lies below all that."""
        ranked = sorted(
            enumerate(self.rules),
            key=lambda r: (r[1]["priority"] or 16) * 1000 + (500 if r[1]["do"] != "add" else 0),
        )
        runs: list[Any] = []
        below: list[Any] = []
        decided = False
        for number, rule in ranked:
            if not self._matches(rule, day):
                continue
            label = f"exception e{number}:"
            if rule["where"] == "calendar":
                label = f"calendar c{number} e{number}:"
            used = rule["do"] == "use"
            blocks = self._week(season, rule["day"]) if used else rule["blocks"]
            (below if decided else runs).extend(self._timed(b, day, label) for b in blocks)
            if rule["do"] != "add":
                decided = True
                below.append((0, 1440, (0, label)))
        weekly = [self._timed(b, day, "weekly") for b in self._week(season, day.weekday())]
        (below if decided else runs).extend(weekly)
        below.append((0, 1440, (0, "otherwise")))
        return runs, below

    def _timed(self, block: Any, day: date, label: str) -> Any:
        start, end, value = block
        if not isinstance(start, int) or not isinstance(end, int):
            crosses = _nominal(start) - _nominal(end) >= 0 and (
                _nominal(end) + 1440 - _nominal(start) <= 20 * 60
            )
            start = self._minute(start, day)
            end = self._minute(end, day + timedelta(days=crosses)) + 1440 * crosses
        return start, end, (value, label)

    def _minute(self, time: int | tuple[str, int], day: date) -> int:
        if isinstance(time, int):
            return time
        event, offset = time
        find = sunrise if event == "sunrise" else sunset
        zone = ZoneInfo(self.zone)
        at = find(Observer(*PLACES[self.zone]), day, zone) + timedelta(seconds=30)
        wall = at.astimezone(zone)
        assert wall.date() == day
        return max(0, wall.hour * 60 + wall.minute + offset)

    def _painted(self, day: date, season: str, season_before: str) -> list[Any]:
        """For every minute: all that the schedule has, the winner first."""
        runs, below = self._parts(day, season)
        before, _ = self._parts(day - timedelta(days=1), season_before)
        ladders: list[Any] = [[] for _ in range(1440)]
        left = [(max(0, s - 1440), e - 1440, what) for s, e, what in before]
        for layer, of in ((runs, season), (left, season_before), (below, season)):
            for start, end, (value, why) in layer:
                for minute in range(start, min(end, 1440)):
                    ladders[minute].append((value, why, of))
        return ladders


def _nominal(time: Any) -> int:
    if isinstance(time, int):
        return time
    return (6 * 60 if time[0] == "sunrise" else 18 * 60) + int(time[1])


def _days_in_words(words: str, year: int) -> set[date]:
    """The days of a year that words such as `2nd mon of 03` mean, read off a printed calendar."""
    if words.endswith(" days"):
        first = date(year, 1, 1)
        days = [first + timedelta(days=n) for n in range(366)]
        return {d for d in days if d.year == year and d.day % 2 == (words == "odd days")}
    number, what, *of = words.split()
    months = [int(of[1])] if of else range(1, 13)
    found = set()
    for month in months:
        weeks = calendar.Calendar().monthdayscalendar(year, month)
        if what == "day":
            days_of = [day for week in weeks for day in week if day]
        elif what == "weekday":
            days_of = [day for week in weeks for day in week[:5] if day]
        else:
            days_of = [week[WORDS.index(what)] for week in weeks if week[WORDS.index(what)]]
        index = -1 if number == "last" else int(number[0]) - 1
        if index < len(days_of):
            found.add(date(year, month, days_of[index]))
    return found


def _written(blocks: list[Any]) -> list[dict[str, Any]]:
    return [
        {"from": _time(start), "to": _time(end), "mode": "on", "n": n} for start, end, n in blocks
    ]


def _time(time: Any) -> str:
    if isinstance(time, int):
        minutes = time if time <= 1440 else time - 1440
        return f"{minutes // 60:02}:{minutes % 60:02}"
    event, offset = time
    sign = "+" if offset >= 0 else "-"
    return f"{event}{sign}{abs(offset) // 60:02}:{abs(offset) % 60:02}"


def _overlay(overlay: dict[str, Any]) -> dict[str, Any]:
    def giving(g: dict[str, Any]) -> dict[str, Any]:
        after = {"after": f"{g['after']}m"} if "after" in g else {}
        return {"targets": ["hq.x"], **g, **after}

    levels = {name: [giving(g) for g in givings] for name, givings in overlay["levels"].items()}
    if "set" in overlay:
        return {"levels": levels}
    return {
        "when": [
            {
                "dates": [f"{o['first']}..{o['last']}"],
                "weekdays": ",".join(WORDS[day] for day in sorted(o["days"])),
                "from": _time(o["start"]),
                "to": _time(o["end"]),
            }
            for o in overlay["when"]
        ],
        "give": levels["on"],
    }


@st.composite
def drawn_schedules(draw: st.DrawFn, days: list[date]) -> Drawn:
    """Random schedules with everything that matters close to the given days."""
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

    def sun_blocks() -> list[Any]:
        """Blocks that hang on the sun, seldom; they may overlap others."""
        found = []
        for kind in draw(st.lists(st.integers(0, 11), max_size=2)):
            offset = draw(st.integers(-60, 60))
            if kind < 4:
                ends: list[Any] = [
                    (("sunset", offset), 22 * 60),
                    (("sunset", offset), ("sunrise", 15)),
                    (5 * 60, ("sunrise", offset)),
                    (21 * 60, ("sunrise", offset)),
                ]
                found.append((*ends[kind], next(numbers)))
        return found

    def instant(span_h: int) -> datetime:
        day = draw(st.sampled_from(days))
        minutes = draw(st.integers(-60 * span_h, 60 * span_h))
        return datetime(day.year, day.month, day.day, tzinfo=UTC) + minutes * _MINUTE

    def length(hours: int) -> timedelta:
        return draw(st.integers(1, 60 * hours)) * _MINUTE

    seasons: dict[str, tuple[date, date] | None] = {}
    if draw(st.booleans()):
        drawn = draw(st.lists(near.map(lambda d: _YEAR.index(d.replace(year=2024))), unique=True))
        starts = sorted(drawn)[:3]
        for name, first_day, following in zip("abc", starts, starts[1:], strict=False):
            seasons[name] = (_YEAR[first_day], _YEAR[following - 1])
        seasons["other"] = None
    weeks: dict[str, dict[str, list[tuple[int, int, int]]]] = {}
    for season in [
        "any",
        *draw(st.sets(st.sampled_from(sorted(seasons)) if seasons else st.nothing())),
    ]:
        early = draw(st.sampled_from([0, 0, 60, 150, 181]))
        share = draw(st.lists(st.integers(0, 3), min_size=7, max_size=7))
        weeks[season] = {
            ",".join(WORDS[d] for d in range(7) if share[d] == part): [
                *blocks(early, early),
                *sun_blocks(),
            ]
            for part in sorted(set(share))
            if part
        }
    rules = []
    for _ in range(draw(st.integers(0, 4))):
        do = draw(st.sampled_from(["replace", "use", "add"]))
        first = draw(near)
        rule: dict[str, Any] = {
            "do": do,
            "where": draw(st.sampled_from(["dates", "yearly", "calendar", "words"])),
            "words": draw(st.sampled_from(_IN_WORDS)),
            "priority": draw(st.sampled_from([None, None, 1, 8, 16])),
            "first": first,
            "last": first + timedelta(days=draw(st.integers(0, 2))),
            "day": draw(st.integers(0, 6)),
            "blocks": blocks(0, 400) if do != "use" else [],
        }
        if do != "add" or rule["blocks"]:
            rules.append(rule)
    spells: list[tuple[datetime, str]] = []
    if draw(st.booleans() if seasons else st.just(False)):
        ats = sorted({instant(40) for _ in range(draw(st.integers(1, 4)))})
        spells = [(at, draw(st.sampled_from(sorted(seasons)))) for at in ats]
    extensions = []
    for _ in range(draw(st.sampled_from([0, 0, 1, 3]))):
        start = instant(40)
        extensions.append((start, start + length(10), next(numbers)))

    def giving() -> dict[str, Any]:
        found: dict[str, Any] = {}
        if draw(st.booleans()):
            found["mode"] = draw(st.sampled_from(["on", "off", "x"]))
        if draw(st.booleans()):
            found["n"] = next(numbers)
        if draw(st.booleans()) or not found:
            found["m"] = next(numbers)
        if draw(st.booleans()):
            found["while"] = draw(st.sampled_from(["on", "off"]))
            if draw(st.booleans()):
                found["after"] = draw(st.integers(1, 90))
        return found

    overlays: list[dict[str, Any]] = []
    for _ in range(draw(st.sampled_from([0, 0, 1, 3]))):
        if draw(st.booleans()):
            set_levels = []
            for _ in range(draw(st.integers(1, 3))):
                start = instant(40)
                level = draw(st.sampled_from(["low", "high", "off"]))
                set_levels.append((start, start + length(60), level))
            levels = {name: [giving() for _ in range(2)] for name in ("low", "high")}
            overlays.append({"levels": levels, "set": set_levels})
        else:
            first, start_minute = draw(near), draw(st.integers(0, 1439))
            when = {
                "first": first,
                "last": first + timedelta(days=draw(st.integers(0, 3))),
                "days": draw(st.sets(st.integers(0, 6), min_size=1)),
                "start": start_minute,
                "end": start_minute + draw(st.integers(1, 1439)),
            }
            overlays.append({"levels": {"on": [giving()]}, "when": [when]})
    return Drawn(seasons, weeks, rules, spells, extensions, overlays)
