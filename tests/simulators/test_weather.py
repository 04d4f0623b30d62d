"""The generated climate and EPW files."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from statistics import fmean

import pytest

from simulators.sky import clear_sky_w_m2, humidity_pct, wet_bulb_c
from simulators.weather import CHONGQING, Conditions, EpwError, EpwWeather, GeneratedWeather

CHINA = timezone(timedelta(hours=8))
REAL_FILES = sorted((Path(__file__).parents[3] / "shared" / "data").glob("*.epw"))


def year_of(weather: GeneratedWeather | EpwWeather, year: int) -> list[tuple[int, Conditions]]:
    """Month and conditions of every hour."""
    first = datetime(year, 1, 1, tzinfo=CHINA)
    times = [first + timedelta(hours=h) for h in range(8760)]
    return [(time.month, weather.at(time)) for time in times]


@pytest.mark.parametrize("seed", ["1", "2", "summer school"])
def test_a_year_is_like_hangzhou(seed: str) -> None:
    year = year_of(GeneratedWeather(seed), 2025)
    by_month = {m: fmean(c.outdoor_temp_c for n, c in year if n == m) for m in range(1, 13)}
    temps = [c.outdoor_temp_c for _, c in year]
    assert fmean(temps) == pytest.approx(17.0, abs=1.2)
    assert by_month[7] == pytest.approx(29.0, abs=1.5)
    assert by_month[1] == pytest.approx(5.0, abs=3.0)
    assert -10.0 < min(temps) < 0.0
    assert 34.0 < max(temps) < 41.0
    assert 1000 < sum(c.irradiance_w_m2 for _, c in year) / 1000 < 1500  # kWh/m2
    assert all(c.wet_bulb_c <= c.outdoor_temp_c for _, c in year)
    assert all(5.0 < c.humidity_pct <= 100.0 for _, c in year)
    assert 25.0 < max(c.wet_bulb_c for _, c in year) < 30.5


def test_days_resemble_the_day_before() -> None:
    """Deviations from the season persist as an AR(1) process does."""
    weather = GeneratedWeather("3")
    first = datetime(2024, 1, 1, 12, tzinfo=CHINA)
    days = [
        fmean(
            weather.at(first + timedelta(days=d, hours=h)).outdoor_temp_c for h in range(0, 24, 3)
        )
        for d in range(730)
    ]
    season = [fmean(days[max(0, d - 15) : d + 16]) for d in range(730)]
    off = [day - mean for day, mean in zip(days, season, strict=True)]
    spread = fmean(x * x for x in off)
    together = fmean(a * b for a, b in pairwise(off))
    assert 1.0 < spread**0.5 < 4.0
    assert 0.5 < together / spread < 0.95


def test_the_same_seed_and_time_give_the_same_weather_in_any_order() -> None:
    times = [datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=7 * n) for n in range(900)]
    forwards, backwards = GeneratedWeather("5"), GeneratedWeather("5")
    expected = [forwards.at(time) for time in times]
    assert [backwards.at(time) for time in reversed(times)] == expected[::-1]
    assert GeneratedWeather("5").at(times[444]) == expected[444]
    assert GeneratedWeather("6").at(times[444]) != expected[444]
    assert GeneratedWeather("5", CHONGQING).at(times[444]) != expected[444]
    # far away years need nothing in between
    assert GeneratedWeather("5").at(datetime(1999, 7, 1, tzinfo=UTC)).outdoor_temp_c > 15


def test_time_flows_without_steps() -> None:
    weather = GeneratedWeather("1")
    midnight = datetime(2025, 6, 3, 0, tzinfo=CHINA)
    for hour in range(48):
        before, after = (
            weather.at(midnight + timedelta(hours=hour, seconds=s)) for s in (-0.5, 0.5)
        )
        assert before.outdoor_temp_c == pytest.approx(after.outdoor_temp_c, abs=0.01)
        assert before.irradiance_w_m2 == pytest.approx(after.irradiance_w_m2, abs=1.0)
    half = weather.at(midnight + timedelta(minutes=30)).outdoor_temp_c
    ends = (weather.at(midnight + timedelta(hours=h)).outdoor_temp_c for h in (0, 1))
    assert half == pytest.approx(fmean(ends))


def test_the_sun_rises_by_day_and_is_highest_at_solar_noon() -> None:
    weather = GeneratedWeather("1")
    day = datetime(2025, 6, 21, tzinfo=CHINA)
    suns = [weather.at(day + timedelta(hours=h)).irradiance_w_m2 for h in range(24)]
    assert suns[:4] == [0.0] * 4
    assert suns[21:] == [0.0] * 3
    assert suns.index(max(suns)) in (11, 12, 13)
    # Haurwitz at zenith angle 6.8 degrees: 1098 * 0.993 * exp(-0.057 / 0.993) = 1029.5
    assert clear_sky_w_m2(day.date(), 4.02, 30.23, 120.17) == pytest.approx(1029.5, abs=3)


def test_moist_air_against_psychrometric_tables() -> None:
    assert humidity_pct(25.0, 25.0) == pytest.approx(100.0)
    assert humidity_pct(25.0, 13.9) == pytest.approx(50.0, abs=0.5)
    assert wet_bulb_c(20.0, 50.0) == pytest.approx(13.7, abs=0.3)  # Stull's own example
    assert wet_bulb_c(35.0, 60.0) == pytest.approx(28.2, abs=0.5)
    assert wet_bulb_c(10.0, 100.0) <= 10.0


# --- EPW -------------------------------------------------------------------------------------


def epw_lines(days: int = 365, zone: str = "8.0") -> list[str]:
    """A file whose dry bulb is month + hour/100, at 50 % and 10 * hour W/m2."""
    header = [f"LOCATION,Test,X,CHN,made up,000000,30.0,120.0,{zone},10.0"]
    header += [f"{word},0" for word in ("DESIGN CONDITIONS", "TYPICAL/EXTREME PERIODS")]
    header += ["GROUND TEMPERATURES,0", "HOLIDAYS/DAYLIGHT SAVINGS,No,0,0,0", "COMMENTS 1,x"]
    header += ["COMMENTS 2,x", "DATA PERIODS,1,1,Data,Sunday,1/ 1,12/31"]
    first = datetime(2001, 1, 1, tzinfo=UTC)
    lines = []
    for n in range(days * 24):
        day, hour = first + timedelta(days=n // 24), n % 24 + 1
        row = ["1999", str(day.month), str(day.day), str(hour), "60", "?"]
        row += [f"{day.month + hour / 100}", "9.9", "50", "101325", "0", "0", "0", str(10 * hour)]
        lines.append(",".join(row + ["0"] * 21))
    return header + lines


def write_epw(path: Path, lines: list[str]) -> Path:
    path.write_text("\r\n".join(lines) + "\r\n", encoding="utf-8")
    return path


def test_epw_is_read_by_month_day_and_hour_for_every_year(tmp_path: Path) -> None:
    weather = EpwWeather(write_epw(tmp_path / "a.epw", epw_lines()))
    for year in (1987, 2024, 2025, 2026):
        at = weather.at(datetime(year, 5, 17, 13, tzinfo=CHINA))
        assert at.outdoor_temp_c == pytest.approx(5.13)
        assert at.humidity_pct == 50.0
        assert at.wet_bulb_c == pytest.approx(wet_bulb_c(5.13, 50.0))
    half = weather.at(datetime(2025, 5, 17, 13, 30, tzinfo=CHINA))
    assert half.outdoor_temp_c == pytest.approx(5.135)
    assert half.irradiance_w_m2 == pytest.approx(140.0)  # the sum of hour 14 stands at 13:30
    midnight = weather.at(datetime(2025, 5, 17, 0, tzinfo=CHINA))
    assert midnight.outdoor_temp_c == pytest.approx(5.24)  # hour 24 of the day before
    assert weather.at(datetime(2025, 1, 1, 0, tzinfo=CHINA)).outdoor_temp_c == pytest.approx(12.24)


def test_epw_repeats_28_february_in_leap_years(tmp_path: Path) -> None:
    weather = EpwWeather(write_epw(tmp_path / "a.epw", epw_lines()))
    leap, day_before = (weather.at(datetime(2024, 2, day, 15, tzinfo=CHINA)) for day in (29, 28))
    assert leap == day_before


def test_epw_fills_missing_hours_from_the_hour_before(tmp_path: Path) -> None:
    lines = epw_lines()
    row = lines[8 + 24 * 40 + 9].split(",")  # 10 February, hour 10
    row[6], row[8], row[13] = "99.9", "999", "9999"
    lines[8 + 24 * 40 + 9] = ",".join(row)
    weather = EpwWeather(write_epw(tmp_path / "a.epw", lines))
    at = weather.at(datetime(2025, 2, 10, 10, tzinfo=CHINA))
    assert at.outdoor_temp_c == pytest.approx(2.09)
    assert at.humidity_pct == 50.0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda lines: ["hello"], "LOCATION"),
        (lambda lines: [], "LOCATION"),
        (lambda lines: lines[:-5], "whole days"),
        (lambda lines: [*lines[: 8 + 24 * 59]], "306 days are missing, first 03-01"),
        (lambda lines: [*lines[:20], *lines[21:]], r"a.epw:21: hour 14 where 13 follows"),
        (lambda lines: [*lines[:9], "1,2,3", *lines[10:]], r"a.epw:10: 3 columns"),
        (
            lambda lines: [*lines[:8], lines[8].replace("1.01", "warm"), *lines[9:]],
            r"a.epw:9: dry bulb 'warm' is not a number",
        ),
        (
            lambda lines: [*lines[:7], "DATA PERIODS,1,4,Data,Sunday,1/ 1,12/31", *lines[8:]],
            "one record per hour",
        ),
    ],
)
def test_what_is_no_epw_file_is_said_in_a_sentence(
    tmp_path: Path, change: Callable[[list[str]], list[str]], words: str
) -> None:
    path = write_epw(tmp_path / "a.epw", change(epw_lines()))
    with pytest.raises(EpwError, match=words):
        EpwWeather(path)


def test_a_binary_file_is_no_epw_file(tmp_path: Path) -> None:
    (tmp_path / "a.epw").write_bytes(bytes(range(256)) * 10)
    with pytest.raises(EpwError, match="LOCATION"):
        EpwWeather(tmp_path / "a.epw")
    with pytest.raises(OSError, match="missing"):
        EpwWeather(tmp_path / "missing.epw")


def test_published_files_give_a_plausible_year(tmp_path: Path) -> None:
    """Files beside the repository, if there are any; else the one made here."""
    for path in REAL_FILES or [write_epw(tmp_path / "a.epw", epw_lines())]:
        year = year_of(EpwWeather(path), 2026)
        temps = [c.outdoor_temp_c for _, c in year]
        assert len(temps) == 8760
        assert -40 < min(temps) < fmean(temps) < max(temps) < 50
        assert all(c.wet_bulb_c <= c.outdoor_temp_c for _, c in year)
        if "Hangzhou" in path.name:
            assert fmean(temps) == pytest.approx(17.0, abs=0.5)
            sun = fmean(c.irradiance_w_m2 for _, c in year) * 8.76
            generated = fmean(c.irradiance_w_m2 for _, c in year_of(GeneratedWeather("1"), 2026))
            assert generated * 8.76 == pytest.approx(sun, rel=0.2)
