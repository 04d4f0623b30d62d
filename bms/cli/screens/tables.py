"""What the command line draws: rich renderables from the JSON values the commands also print."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from bms.cli.screens.labels import shares_text
from bms.core.durations import in_words
from bms.texts.clean import harmless
from bms.texts.language import between, language, say, told, weekday
from bms.texts.messages import msg
from bms.texts.words import mode_word, season_word

ABNORMAL = "bold red"
NOTE = "yellow"


def console(width: int | None = None) -> Console:
    """Where all screens are drawn.

    Texts of people and devices are shown as they are: `[urgent]` in a reason is no markup, and
    `:fire:` no picture. What would do something to the terminal is shown as `�`.
    """
    return _Harmless(width=width, highlight=False, markup=False, emoji=False)


class _Harmless(Console):
    """Looks at every text before rich makes colours and places of it."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        if isinstance(renderable, str):
            renderable = harmless(renderable)
        elif isinstance(renderable, Text):
            safe = harmless(renderable.plain)
            if safe != renderable.plain:
                renderable.plain = safe
        return super().render(renderable, options)


def screen_table(*columns: str, title: str | None = None) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(
            say(column), justify="right" if column in ("kW", "kWh", "kWh today") else "left"
        )
    return table


def title_text(title: str | Mapping[str, str], fallback: str = "") -> str:
    """One line from a title given as text or per language."""
    if isinstance(title, str):
        return title or fallback
    other = "en" if language() == "zh" else "zh"
    return title.get(language()) or title.get(other) or fallback


def value_text(value: object) -> str:
    """A point's value as people read it: states as on and off, numbers without noise."""
    if isinstance(value, bool):
        return say("on") if value else say("off")
    if isinstance(value, str):
        return told(mode_word(value))
    if not isinstance(value, float):
        return str(value)
    # Six digits hide the noise of float32, but a register keeps all of its digits.
    return f"{value:g}" if abs(value) < 1e5 else f"{value:.2f}".rstrip("0").rstrip(".")


def season_text(season: str | None) -> str:
    """A season as people read it; a dash where there are none."""
    return told(season_word(season)) if season not in (None, "any") else "—"


def named(title: str | Mapping[str, str], name: str) -> str:
    """A thing by the name that people gave it, with its id beside it; else by its id."""
    given = title_text(title)
    return f"{given} ({name})" if given and given != name else name


def quality_text(quality: str) -> str:
    """`good`, `stale`, `bad` or `unused` as people read it."""
    words = {
        "good": say("good"),
        "stale": say("stale"),
        "bad": say("bad"),
        "unused": say("not used"),
    }
    return words.get(quality, quality)


def _number(value: float | None, digits: int = 1) -> str:
    return "—" if value is None else f"{value:,.{digits}f}"


def _clock(iso: str, today: str) -> str:
    moment = datetime.fromisoformat(iso)
    return (
        f"{moment:%H:%M}" if iso[:10] == today[:10] else f"{weekday(moment)} {moment:%m-%d %H:%M}"
    )


def setpoints_text(setpoints: Mapping[str, float]) -> str:
    return " ".join(f"{name}={value:g}" for name, value in setpoints.items())


def _change(change: Mapping[str, Any], today: str) -> str:
    return " ".join(
        filter(
            None,
            (
                _clock(change["time"], today),
                value_text(change["mode"]),
                setpoints_text(change["setpoints"]),
            ),
        )
    )


def status_screen(status: Mapping[str, Any]) -> RenderableType:
    """Bases and groups, then what is not normal: links, points, overrides, alarms."""
    today = status["time"]
    cycle = status["cycle"]
    head = Text.assemble(
        (f"{title_text(status['title'], status['site'])}", "bold"),
        f"  {datetime.fromisoformat(today):%Y-%m-%d %H:%M:%S}",
        "  ",
        say(
            "cycle {count} every {period_s:g} s, p50 {p50_ms:g} ms",
            count=cycle["count"],
            period_s=cycle["period_s"],
            p50_ms=cycle["p50_ms"],
        ),
        *(
            (between(", "), say("{count} skipped", count=cycle["overruns"]))
            if cycle["overruns"]
            else ()
        ),
    )
    table = screen_table(
        "base / group", "mode", "season", "kW", "kWh today", "next change", "because"
    )
    for base in status["bases"]:
        table.add_row(
            Text(title_text(base["title"], base["id"]), style="bold"),
            "",
            "",
            _number(base["power_kw"]),
            _number(base["kwh_today"]),
        )
        for group in base["groups"]:
            change = group["next_change"]
            by_hand = group["source"] is not None and "override" in group["source"]
            table.add_row(
                "  " + named(group["title"], group["id"].split(".", 1)[1]),
                Text(value_text(group["mode"] or "—"), style=NOTE if by_hand else ""),
                season_text(group["season"]),
                _number(group["power_kw"]),
                "",
                _change(change, today) if change else "—",
                told(group["reason"] or ""),
            )
    if len(status["bases"]) > 1:
        table.add_row(
            Text(say("all bases"), style="bold"),
            "",
            "",
            _number(_total(status["bases"], "power_kw")),
            _number(_total(status["bases"], "kwh_today")),
        )
    return Group(head, Text(), table, Text(), *_abnormal(status))


def _total(bases: Sequence[Mapping[str, Any]], name: str) -> float | None:
    """The sum of all bases; None if one of them is not known."""
    found = [base[name] for base in bases]
    return sum(found) if None not in found else None


def _abnormal(status: Mapping[str, Any]) -> list[RenderableType]:
    counts = status["points"]
    offline = [link for link in status["links"] if not link["online"]]
    lines: list[RenderableType] = [
        Text.assemble(
            say("points: {good} good", good=counts["good"]),
            between(", "),
            (
                say(
                    "{stale_points} stale, {bad_points} bad",
                    stale_points=counts["stale"],
                    bad_points=counts["bad"],
                ),
                ABNORMAL if counts["stale"] or counts["bad"] else "",
            ),
            between("; "),
            say(
                "links: {online} of {all_links} online",
                online=len(status["links"]) - len(offline),
                all_links=len(status["links"]),
            ),
        )
    ]
    silent = [link["id"] for link in status["links"] if link["shadow"]]
    if silent:
        text = (
            say(
                "SHADOW MODE: {links}: decided as usual, nothing is written",
                links=", ".join(silent),
            )
            if len(silent) < len(status["links"])
            else say("SHADOW MODE: the whole site, decided as usual, nothing is written")
        )
        lines.insert(0, Text(text, NOTE))
    lines += [
        Text(
            say(
                "  link {link} ({endpoint}): {detail}",
                link=link["id"],
                endpoint=link["endpoint"],
                detail=link["detail"] or msg("offline"),
            ),
            ABNORMAL,
        )
        for link in offline
    ]
    lines += [
        Text(say("schedule not in force: {problem}", problem=problem), ABNORMAL)
        for problem in status["schedules"]["problems"]
    ]
    overrides = status["overrides"]
    lines.append(
        Text(
            say("overrides: {count}", count=len(overrides)) if overrides else say("overrides: none")
        )
    )
    lines += [
        Text(
            say(
                "  {number}: {point} = {commanded} for {duration} more ({owner}: {reason})",
                number=o["id"],
                point=o["point"],
                commanded=value_text(o["value"]),
                duration=in_words(timedelta(seconds=o["left_s"])),
                owner=o["owner"],
                reason=o["reason"],
            ),
            NOTE,
        )
        for o in overrides
    ]
    lines += [
        Text(
            say(
                "locked out: {machine} since {clock} ({owner}: {reason})",
                machine=lock["machine"],
                clock=_clock(lock["since"], status["time"]),
                owner=lock["by"],
                reason=lock["reason"],
            ),
            NOTE,
        )
        for lock in status["locks"]
    ]
    lines += _switched(status)
    alarms = status["alarms"]
    lines.append(Text(say("alarms: {count}", count=len(alarms)) if alarms else say("alarms: none")))
    lines += [
        Text(
            say(
                "  level {severity} since {clock}: {alarm}",
                severity=a["severity"],
                clock=_clock(a["since"], status["time"]),
                alarm=a["text"],
            ),
            ABNORMAL,
        )
        for a in alarms
    ]
    return lines


def _switched(status: Mapping[str, Any]) -> list[RenderableType]:
    """Seasons with their cause, overlays that are not off, what people extended."""
    today = status["time"]
    lines: list[RenderableType] = []
    for season in status["seasons"]:
        bad = season["outdoor"] is not None and season["outdoor"]["bad"]
        lines.append(Text(_season(season), ABNORMAL if bad else ""))
        lines += [
            Text(
                say(
                    "  then {season} from {clock}: {reason}",
                    season=season_word(plan["season"]),
                    clock=_clock(plan["from"], today),
                    reason=plan["reason"],
                )
            )
            for plan in season["planned"]
        ]
    for overlay in status["overlays"]:
        if overlay["level"] == "off":
            continue
        lines.append(Text(_overlay(overlay, today), NOTE))
    lines += [
        Text(
            say(
                "extension {number}: {target} {mode} until {clock} ({person}: {reason})",
                number=e["id"],
                target=e["target"],
                mode=mode_word(e["mode"]),
                clock=_clock(e["until"], today),
                person=e["who"],
                reason=e["reason"],
            ),
            NOTE,
        )
        for e in status["extensions"]
    ]
    return lines


def _season(season: Mapping[str, Any]) -> str:
    arguments = {name: season[name] for name in ("base", "set", "reason")}
    arguments["season"] = season_word(season["season"])
    if not season["since"]:
        return say("season of {base} ({set}): {season}, {reason}", **arguments)
    return say(
        "season of {base} ({set}): {season} since {since}, {reason}",
        since=season["since"][:10],
        **arguments,
    )


def _overlay(overlay: Mapping[str, Any], today: str) -> str:
    name, level = overlay["overlay"], overlay["level"]
    text = (
        msg(
            "overlay {overlay}: {level} until {clock}",
            overlay=name,
            level=level,
            clock=_clock(overlay["until"], today),
        )
        if overlay["until"]
        else msg("overlay {overlay}: {level}", overlay=name, level=level)
    )
    if not overlay["who"]:
        return told(text)
    return say(
        "{text} ({person}: {reason})",
        text=text,
        person=overlay["who"],
        reason=overlay["reason"],
    )


def growth_screen(report: Mapping[str, Any]) -> list[RenderableType]:
    """The verdict per base, then why where there is none."""
    year, baseline = report["year"], report["baseline_year"]
    table = screen_table(
        "base",
        msg("{year} so far kWh", year=year) if report["partial"] else f"{year} kWh",
        msg("{year} same days kWh", year=baseline) if report["partial"] else f"{baseline} kWh",
        "growth",
        "target",
        "coverage",
        "year-end kWh",
        "verdict",
    )
    notes: list[RenderableType] = []
    for base in report["bases"]:
        style = {"over": ABNORMAL, "cannot tell": NOTE}.get(base["verdict"], "green")
        table.add_row(
            base["base"],
            _number(base["kwh"], 0),
            _number(base["baseline_kwh"], 0),
            _interval(base),
            f"< {base['target_pct']:g} %",
            f"{base['coverage_pct']:.1f} % / {base['baseline_coverage_pct']:.1f} %",
            _range(base["projection_low_kwh"], base["projection_high_kwh"]),
            Text(_verdict(base["verdict"]), style=style),
        )
        notes += [Text(f"{base['base']}: {told(note)}") for note in base["notes"]]
        notes += [Text(f"{base['base']}: {line}") for line in _labels(base["meters"])]
    return [table, Text(), *notes]


def _interval(base: Mapping[str, Any]) -> str:
    """Growth from the least to the most that can be true; one number where it is known."""
    low, high = base["growth_low_pct"], base["growth_high_pct"]
    if low is None or high is None:
        return "—"
    return f"{low:+.2f} %" if high - low < 0.005 else f"{low:+.2f} … {high:+.2f} %"


def _verdict(verdict: str) -> str:
    words = {"under": say("under"), "over": say("over"), "cannot tell": say("cannot tell")}
    return words.get(verdict, verdict)


def _range(low: float | None, high: float | None) -> str:
    if low is None or high is None or high - low < 1:
        return _number(low, 0)
    return f"{_number(low, 0)} … {_number(high, 0)}"


def _labels(meters: Sequence[Mapping[str, Any]]) -> list[str]:
    """The shares of a meter's energy by label, where not all of it is measured."""
    return [
        f"{meter['meter']} {meter['first_day']}..{meter['last_day']}: "
        + shares_text(meter["shares_pct"])
        for meter in meters
        if set(meter["shares_pct"]) - {"measured"}
    ]
