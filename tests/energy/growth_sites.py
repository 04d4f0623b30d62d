"""Sites of which the truth is known: weather, production, festivals, growth, meters and losses.

Nothing here knows how the verdict is found. Loads follow temperatures that differ from year to
year, weeks, official holidays with their make-up days, and a slow start after the Spring Festival;
growth comes evenly, by a step or by drift; every meter errs within its class.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import cache
from itertools import pairwise
from math import cos, pi
from random import Random
from zoneinfo import ZoneInfo

from bms.config.site import MeterRole
from bms.core.instants import local_midnight, to_ms
from bms.core.readings import Label
from bms.energy.comparing.day_values import Day, Period, same_date, whole_year
from bms.energy.comparing.festivals import Holidays, new_year, with_spring_festival
from bms.energy.comparing.loads import MeterData
from bms.energy.intervals import Energy, Event
from bms.energy.quarters import Stretch, crosses
from bms.energy.verdict import Growth, Verdict, growth

ZONE = ZoneInfo("Asia/Shanghai")
TARGET_PCT = 5.0
MARGIN_PCT = 3.0
FEW_MISSING = 0.05
PEAK_DAYS = 91


@cache
def official(year: int) -> Holidays:
    """The free days and make-up workdays of a year, from a library."""
    from bms.config.writing.public_holidays import gather

    found = gather("CN", year)
    return Holidays(dict(found.holidays), frozenset(found.workdays))


def days_from(first: date, count: int) -> list[date]:
    return [first + timedelta(days=n) for n in range(count)]


class Weather:
    """Daily mean temperatures in °C; summers and winters have their own anomaly every year."""

    def __init__(self, random: Random, years: Sequence[int], spread: float = 1.0) -> None:
        self._temps: dict[date, float] = {}
        noise = 0.0
        for year in years:
            summer, winter = random.gauss(0, 1.1) * spread, random.gauss(0, 1.3) * spread
            for day in whole_year(year):
                angle = 2 * pi * ((day - date(year, 1, 1)).days - 22) / 365
                warm = (1 - cos(angle)) / 2
                noise = 0.82 * noise + random.gauss(0, 1.7)
                anomaly = summer * max(0.0, warm - 0.4) / 0.6 + winter * max(0.0, 0.6 - warm) / 0.6
                self._temps[day] = 4.5 + 24.0 * warm + noise + anomaly

    def __getitem__(self, day: date) -> float:
        return self._temps[day]


def activity(day: date, weekend: tuple[float, float], free: float, ramp: int) -> float:
    """How much is produced on a day, 1 on a usual working day."""
    calendar = official(day.year)
    begin = new_year(day.year)
    assert begin is not None
    if day in calendar.free:
        level = free
    elif day.weekday() < 5 or day in calendar.worked:
        level = 1.0
    else:
        level = weekend[day.weekday() - 5]
    after = (day - begin).days - 7
    if ramp and 0 <= after < ramp and day not in calendar.free:
        level *= 0.5 + 0.5 * after / ramp
    if ramp and -8 <= (day - begin).days <= -2 and day not in calendar.free:
        level *= 1 - 0.06 * ((day - begin).days + 8)
    return level


@dataclass
class Meter:
    """One meter: what truly flowed on each day, and what is known of it."""

    name: str
    role: MeterRole
    true: dict[date, float]
    lost: set[date] = field(default_factory=set)
    halved: set[date] = field(default_factory=set)
    """Days of which only a part is known."""
    monthly: int | None = None
    """Read by hand on this day of each month, in the morning."""
    swapped: date | None = None
    accuracy_pct: float = 1.0
    errors: tuple[float, float] = (0.0, 0.0)
    """Of the meter before and after it was swapped."""

    def shown(self, day: date) -> float:
        after = self.swapped is not None and day >= self.swapped
        return self.true[day] * (1 + self.errors[after])

    def known(self) -> tuple[dict[date, Day], list[Stretch]]:
        """What the ledger has of each day, and what was measured over a longer time."""
        if self.monthly is not None:
            return self._by_hand(self.monthly)
        days = {
            day: 0.5 if day in self.halved else 1.0 for day in self.true if day not in self.lost
        }
        return {day: Day(self.shown(day) * share, share) for day, share in days.items()}, []

    def data(self) -> MeterData:
        known, stretches = self.known()

        def energy(start: datetime, end: datetime) -> Energy:
            first, last = (t.astimezone(ZONE).date() for t in (start, end))
            found = [known[d] for d in days_from(first, (last - first).days) if d in known]
            amount = sum((Fraction(day.kwh) for day in found), Fraction(0))
            covered = sum((Fraction(day.covered) for day in found), Fraction(0))
            share = covered / ((last - first).days)
            return Energy(start, end, amount if found else None, share)

        return MeterData(
            self.name,
            self.role,
            energy,
            lambda period: {day: known[day] for day in period if day in known},
            lambda instant: [s for s in stretches if crosses(s, to_ms(instant))],
            min(known, default=None),
            (local_midnight(self.swapped, ZONE),) if self.swapped else (),
            self.accuracy_pct,
        )

    def _by_hand(self, day_of_month: int) -> tuple[dict[date, Day], list[Stretch]]:
        """Readings at 9 o'clock of one day a month: the days between share what was measured."""
        reads = [day for day in self.true if day.day == day_of_month]
        sums: dict[date, float] = {}
        covered: dict[date, float] = {}
        stretches = []
        for first, last in pairwise(reads):
            part = 9 / 24
            inner = days_from(first, (last - first).days)
            total = sum(map(self.shown, inner)) + part * (self.shown(last) - self.shown(first))
            length = (last - first).days
            for day in [*inner, last]:
                share = (1 - part) if day == first else part if day == last else 1.0
                sums[day] = sums.get(day, 0.0) + total * share / length
                covered[day] = covered.get(day, 0.0) + share
            start, end = (to_ms(local_midnight(d, ZONE)) + 9 * 3_600_000 for d in (first, last))
            stretches.append(Stretch(start, end, Event.GAP, Label.MANUAL, Fraction(total), ""))
        return {day: Day(kwh, min(1.0, covered[day])) for day, kwh in sums.items()}, stretches


@dataclass
class TrueSite:
    """A site, what is truly so, and how much of it is known."""

    seed: int
    kind: str
    meters: list[Meter]
    year: int
    now: datetime
    holidays: Holidays
    target_pct: float = TARGET_PCT

    @property
    def this(self) -> Period:
        last = min(self.now.astimezone(ZONE).date() - timedelta(days=1), date(self.year, 12, 31))
        return Period(date(self.year, 1, 1), last)

    @property
    def before(self) -> Period:
        return Period(*(same_date(d, self.year - 1) for d in (self.this.first, self.this.last)))

    def load(self, day: date) -> float:
        return sum((-1 if m.role is MeterRole.EXPORT else 1) * m.true[day] for m in self.meters)

    @property
    def truth_pct(self) -> float:
        this, before = (sum(map(self.load, period)) for period in (self.this, self.before))
        return (this / before - 1) * 100

    @property
    def festival_apart(self) -> bool:
        """Whether the Spring Festival, or the week after it, is not wholly in both periods."""
        shares = []
        for period in (self.this, self.before):
            begin = new_year(period.first.year)
            assert begin is not None
            zone = days_from(begin - timedelta(days=9), 25)
            shares.append(sum(day in period for day in zone))
        return shares[0] != shares[1]

    def missing(self) -> float:
        """The share of both periods that is lost, over all meters."""
        lost = total = 0.0
        for meter in self.meters:
            known, _ = meter.known()
            for period in (self.this, self.before):
                total += period.days
                lost += period.days - sum(known[d].covered for d in period if d in known)
        return lost / total

    def lost_in_peak(self) -> bool:
        """Whether anything is lost in the quarter of a year with the greatest load."""
        for period in (self.this, self.before):
            loads = [self.load(day) for day in period]
            at = max(
                range(max(1, len(loads) - PEAK_DAYS)),
                key=lambda n, v=loads: sum(v[n : n + PEAK_DAYS]),  # type: ignore[misc]
            )
            peak = days_from(period.first + timedelta(days=at), PEAK_DAYS)
            if any(d in m.lost or d in m.halved for m in self.meters for d in peak):
                return True
        return False

    def judge(self) -> Growth:
        return growth(
            "b",
            [meter.data() for meter in self.meters],
            zone=ZONE,
            year=self.year,
            now=self.now,
            target_pct=self.target_pct,
            holidays=self.holidays,
        )

    def must_be_told(self) -> bool:
        """Little is missing, not in the peak season, and the truth is far from the target."""
        return (
            self.missing() <= FEW_MISSING
            and not self.lost_in_peak()
            and abs(self.truth_pct - self.target_pct) > MARGIN_PCT
            and not self.festival_apart
            and self.kind != "added"  # nobody told what was before
        )

    def right(self, verdict: Verdict) -> bool:
        return verdict is (Verdict.UNDER if self.truth_pct < self.target_pct else Verdict.OVER)


Shape = Callable[[date], float]


def _shape(random: Random, kind: str, weather: Weather) -> Shape:
    """What one meter uses on a day, before growth and noise."""
    free = random.uniform(0.1, 0.6)
    weekend = random.choice([(0.3, 0.25), (0.8, 0.3), (1.0, 1.0), (0.55, 0.5)])
    ramp = random.choice([0, 6, 12])
    base, made = random.uniform(200, 600), random.uniform(300, 1500)
    cool, heat = random.uniform(10, 90), random.uniform(5, 60)
    if kind == "steady":
        made, cool, heat = 60.0, 6.0, 0.0
    elif kind == "summer":
        made, cool, heat = made * 0.3, cool * 2, 0.0
    elif kind == "winter":
        made, cool, heat = made * 0.3, 0.0, heat * 2
    elif kind == "process":
        cool, heat = cool * 0.2, 0.0
    balance = random.uniform(18, 23), random.uniform(8, 14)

    def used(day: date) -> float:
        level = activity(day, weekend, free, ramp)
        temp = weather[day]
        hvac = cool * max(0.0, temp - balance[0]) + heat * max(0.0, balance[1] - temp)
        return base + made * level + hvac * (0.5 + 0.5 * level)

    return used


def _grown(random: Random, year: int) -> Shape:
    """The factor of growth of a day: even, in a step, or bit by bit over the year."""
    rate = random.uniform(-0.06, 0.16)
    how = random.choice(["even", "even", "step", "drift"])
    step = date(year, 1, 1) + timedelta(days=random.randrange(20, 330))

    def factor(day: date) -> float:
        years = day.year - (year - 1)
        if years <= 0:
            return (1 + rate * 0.5) ** years
        if how == "even":
            return 1 + rate
        if how == "step":
            return 1 + 2 * rate if day >= step else 1.0
        return 1 + 2 * rate * (day - date(year, 1, 1)).days / 365

    return factor


def _meters(
    random: Random, year: int, period: Period, kinds: Sequence[str], *, spread: float
) -> list[Meter]:
    weather = Weather(random, range(period.first.year, period.last.year + 1), spread)
    meters = []
    for n, kind in enumerate(kinds):
        shape, grown = _shape(random, kind, weather), _grown(random, year)
        noise, sigma = 0.0, random.uniform(0.01, 0.035)
        true: dict[date, float] = {}
        for day in period:
            noise = 0.5 * noise + random.gauss(0, sigma)
            true[day] = shape(day) * grown(day) * max(0.1, 1 + noise)
        error = random.uniform(-0.01, 0.01)
        meters.append(Meter(f"b.meter-{n + 1}", MeterRole.IMPORT, true, errors=(error, error)))
    return meters


def _lose(meter: Meter, first: date, days: int) -> None:
    meter.lost |= set(days_from(first, days)) & meter.true.keys()


def _hottest(meters: Sequence[Meter], year: int, days: int, sign: int = 1) -> date:
    """Where the weeks with the greatest (or, sign -1, the winter's greatest) load begin."""
    months = (6, 7, 8, 9) if sign > 0 else (1, 2, 12)
    starts = [d for d in whole_year(year) if d.month in months and d <= date(year, 12, 31 - 28)]
    return max(starts, key=lambda d: sum(m.true[x] for m in meters for x in days_from(d, days)))


KINDS = (
    "whole", "hot-before", "hot-this", "cold-before", "cold-this", "festival", "mild", "mild",
    "mild-both", "same-weeks", "many-short", "late-start", "added", "swap", "swap-lost", "monthly",
    "partial", "partial", "partial-festival", "halves",
)  # fmt: skip


def _stop(random: Random, meter: Meter, year: int) -> None:
    """Production stands still for some days, up to twice in the two years, and nobody is told."""
    for _ in range(random.choice([0, 1, 1, 2])):
        first = date(random.choice([year - 1, year]), random.randrange(1, 13), 1)
        for day in days_from(first + timedelta(days=random.randrange(28)), random.randrange(2, 9)):
            if day in meter.true:
                meter.true[day] *= 0.2


def site_of(seed: int, *, nasty: bool = False) -> TrueSite:
    """One of the seeded sites; the kind goes with the seed. `nasty`: production stops, and weather
    that differs far more from year to year."""
    random = Random(seed)
    kind = KINDS[seed % len(KINDS)]
    year = random.choice([2023, 2024, 2025])
    back = random.choice([0, 0, 1])
    first, last = date(year - 1 - back, 1, 1), date(year + 1, 1, 31)
    shapes = [random.choice(["mixed", "summer", "winter", "process", "steady"])
              for _ in range(random.choice([1, 2, 3, 4]))]  # fmt: skip
    meters = _meters(random, year, Period(first, last), shapes, spread=1.7 if nasty else 1.0)
    for meter in meters if nasty else ():
        _stop(random, meter, year)
    now = datetime(year + 1, 2, 10, tzinfo=UTC)
    if kind.startswith("partial"):
        day = date(year, 1, 1) + timedelta(
            days=random.randrange(20, 75)
            if kind == "partial-festival"
            else random.randrange(90, 330)
        )
        now = datetime(day.year, day.month, day.day, 4, tzinfo=UTC)
    worst = random.choice(meters)
    all_of_them = meters if random.random() < 0.5 else [worst]
    _spoil(random, kind, year, all_of_them, meters)
    years = range(year - 3, year + 1)
    holidays = Holidays()
    if random.random() < 0.5:
        for each in (official(y) for y in years):
            holidays = Holidays({**holidays.free, **each.free}, holidays.worked | each.worked)
    return TrueSite(seed, kind, meters, year, now, with_spring_festival(holidays, years))


def _spoil(
    random: Random, kind: str, year: int, some: Sequence[Meter], meters: Sequence[Meter]
) -> None:
    """Lose what the kind of site loses."""
    days = random.randrange(7, 36)
    begin = new_year(year - random.choice([0, 1]))
    assert begin is not None
    match kind:
        case "hot-before" | "hot-this" | "cold-before" | "cold-this":
            where = year if kind.endswith("this") else year - 1
            at = _hottest(meters, where, 28, 1 if kind.startswith("hot") else -1)
            for meter in some:
                _lose(meter, at, 28)
        case "festival":
            at = begin - timedelta(days=random.randrange(2, 10))
            for meter in some:
                _lose(meter, at, random.randrange(8, 22))
        case "mild" | "mild-both":
            for where in (year - 1, year)[: 2 if kind == "mild-both" else 1]:
                month = random.choice([3, 4, 5, 10, 11])
                for meter in some:
                    _lose(meter, date(where - random.choice([0]), month, random.randrange(1, 28)),
                          days // (2 if kind == "mild-both" else 1))  # fmt: skip
        case "same-weeks":
            at = date(year - 1, random.randrange(1, 12), random.randrange(1, 28))
            for meter in some:
                _lose(meter, at, days)
                _lose(meter, same_date(at, year) + timedelta(days=random.randrange(-3, 4)), days)
        case "many-short":
            for meter in some:
                for _ in range(random.randrange(4, 12)):
                    at = date(random.choice([year - 1, year]), random.randrange(1, 13), 1)
                    _lose(meter, at + timedelta(days=random.randrange(28)), random.randrange(1, 4))
        case "late-start":
            for meter in meters:
                meter.lost |= {d for d in meter.true if d < date(year - 1, 1, 1)}
                _lose(meter, date(year - 1, 1, 1), days)
        case "added":
            meter = meters[-1]
            start = date(year - 1, 1, 1) + timedelta(days=random.randrange(10, 120))
            meter.lost |= {d for d in meter.true if d < start}
            if len(meters) > 1 and random.random() < 0.5:  # it was not there before: nothing flowed
                meter.true = {d: 0.0 if d < start else kwh for d, kwh in meter.true.items()}
        case "swap" | "swap-lost":
            for meter in some:
                at = date(random.choice([year - 1, year]), random.randrange(1, 13), 15)
                meter.swapped = at
                meter.errors = random.uniform(-0.01, 0.01), random.uniform(-0.01, 0.01)
                if kind == "swap-lost":
                    _lose(meter, at - timedelta(days=27), 27)
        case "monthly":
            for meter in meters:
                meter.monthly = random.choice([1, 1, 5, 15, 28])
        case "halves":
            for meter in some:
                at = date(random.choice([year - 1, year]), random.randrange(3, 6), 1)
                meter.halved |= set(days_from(at, random.randrange(1, 12)))
        case "partial":
            for meter in some:
                at = date(random.choice([year - 1, year]), random.randrange(1, 4), 5)
                _lose(meter, at, random.randrange(1, 12))
