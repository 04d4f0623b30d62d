"""Commands that switch seasons and overlays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from bms.cli.common import (
    AS_JSON,
    SITE,
    ErrorGroup,
    duration_of,
    print_json,
    show,
    state_dir_of,
    table_of,
)
from bms.cli.schedules.confirming import Confirming, carry_out, confirmed
from bms.core.errors import InvalidInput
from bms.texts.language import say, told
from bms.texts.messages import msg
from bms.texts.words import season_word

REASON = click.option("--reason", required=True, help="For the next shift.")
FOR = click.option("--for", "duration", help="How long: 45m, 2h, 10d.")
UNTIL = click.option("--until", help="Until when: 21:30, tomorrow 07:00, 2026-07-01T18:30.")
BASE = click.option("--base", required=True, help="The base whose season it is.")


def _title(title: Mapping[str, str], fallback: str) -> str:
    from bms.cli.screens.tables import title_text

    return title_text(title, fallback)


def _effects(trial: Mapping[str, Any]) -> None:
    """Per group the hours by mode and the kWh that a switch changes; every command, too, if it is
    only a trial."""
    from bms.cli.screens.schedule_tables import diff_screen

    click.echo(say("within {days} days:", days=trial["days"]))
    show(*diff_screen(trial))


def _said(word: str) -> str:
    """What decides a season, or has begun it."""
    words = {
        "hand": say("by hand"),
        "dates": say("the dates"),
        "outdoor": say("the weather"),
        "weather": say("the weather"),
        "start": say("the first day"),
    }
    return words.get(word, word)


# --- seasons ---------------------------------------------------------------------------------


@click.group(cls=ErrorGroup)
def season() -> None:
    """Seasons of the bases: which is in force and why, and to switch one by hand."""


@season.command("list")
@SITE
@AS_JSON
def season_list(site: Path, as_json: bool) -> None:
    """Every season set of every base: season, since when, why, and what is planned."""
    from bms.api.client import ask
    from bms.operations.requests.season_requests import SEASON_LIST, ListSeasons

    answer = ask(state_dir_of(site), SEASON_LIST, ListSeasons())
    if as_json:
        print_json(answer.plain())
        return
    rows = answer.shown()
    if not rows:
        click.echo(say("no schedule has seasons"))
        return
    table = table_of(
        None, "base", "set", "decided by", "season", "since", "because", "mean", "planned"
    )
    for row in rows:
        outdoor = row["outdoor"]
        table.add_row(
            row["base"],
            row["set"],
            _said(row["by"]),
            told(season_word(row["season"])),
            row["since"] or "—",
            told(row["reason"]),
            _mean(outdoor) if outdoor is not None else "—",
            ", ".join(
                say("{season} from {start}", season=season_word(plan["season"]), start=plan["from"])
                for plan in row["planned"]
            )
            or "—",
        )
    show(table)


def _mean(outdoor: Mapping[str, Any]) -> str:
    mean = "—" if outdoor["mean_c"] is None else say("{mean_c:.1f} degC", mean_c=outdoor["mean_c"])
    asks = ""
    if outdoor["asks_for"]:
        asks = say(
            ", {asks_for} {days} of {confirm_days} days",
            asks_for=season_word(outdoor["asks_for"]),
            days=outdoor["days"],
            confirm_days=outdoor["confirm_days"],
        )
    return f"{mean}{asks}{say(', sensor bad') if outdoor['bad'] else ''}"


@season.command("show")
@SITE
@click.argument("season_set", metavar="SET")
@BASE
@AS_JSON
def season_show(site: Path, season_set: str, base: str, as_json: bool) -> None:
    """One season set at a base: groups, what decides, and its last seasons with their causes."""
    from bms.api.client import ask
    from bms.operations.requests.season_requests import SEASON_SHOW, ShowSeason

    answer = ask(state_dir_of(site), SEASON_SHOW, ShowSeason(season_set=season_set, base=base))
    if as_json:
        print_json(answer.plain())
        return
    row = answer.shown()
    click.echo(
        say(
            "{base} {set} (by {way}): {season}, {reason}",
            base=row["base"],
            set=row["set"],
            way=_said(row["by"]),
            season=season_word(row["season"]),
            reason=told(row["reason"]),
        )
    )
    click.echo(
        say(
            "groups: {groups}; the dates say {season}",
            groups=", ".join(row["groups"]) or say("none"),
            season=season_word(row["dates_say"]),
        )
    )
    if row.get("stays_until"):
        click.echo(say("stays until {stays_until} at least", stays_until=row["stays_until"]))
    if row["outdoor"] is not None:
        click.echo(f"{row['outdoor']['point']}: {_mean(row['outdoor'])}")
    table = table_of(None, "from", "season", "cause", "who", "because")
    for spell in [*reversed(row["planned"]), *row["history"]]:
        table.add_row(
            spell["from"],
            told(season_word(spell["season"])),
            _said(spell["cause"]),
            spell["who"],
            told(spell["reason"]),
        )
    show(table)


@season.command("switch")
@SITE
@click.argument("season_set", metavar="SET")
@BASE
@click.option("--to", required=True, help="The season to switch to.")
@click.option("--at", help="When: tomorrow 00:00, 2026-11-01T06:00.  [default: now]")
@click.option(
    "--force", is_flag=True, help="Also before the least time of the present season is over."
)
@REASON
@confirmed
def season_switch(
    site: Path,
    season_set: str,
    base: str,
    to: str,
    at: str | None,
    force: bool,
    reason: str,
    confirming: Confirming,
) -> None:
    """Switch the season of a base by hand, through transitional where it has to be."""
    from bms.operations.requests.season_requests import SEASON_SWITCH, SwitchSeason

    def draw(trial: Mapping[str, Any]) -> None:
        since = say(" since {since}", since=trial["since"]) if trial["since"] else ""
        click.echo(
            say(
                "{base} ({set}) is in {present}{since}; then:",
                base=trial["base"],
                set=trial["set"],
                present=trial["present"],
                since=since,
            )
        )
        for step in trial["steps"]:
            click.echo(
                say(
                    "  {season} from {start}: {reason}",
                    season=season_word(step["season"]),
                    start=step["from"],
                    reason=told(step["reason"]),
                )
            )
        for plan in trial["replaces"]:
            click.echo(say("  instead of {plan}", plan=told(plan)))
        if trial["checklist"]:
            click.echo(say("Make sure that:"))
            for line in trial["checklist"]:
                click.echo(f"  [ ] {_title(line, '')}")
        _effects(trial)

    asked = SwitchSeason(season_set=season_set, base=base, to=to, at=at, force=force, reason=reason)
    carry_out(site, SEASON_SWITCH, asked, draw, confirming)


@season.command("withdraw")
@SITE
@click.argument("season_set", metavar="SET")
@BASE
@REASON
@AS_JSON
def season_withdraw(site: Path, season_set: str, base: str, reason: str, as_json: bool) -> None:
    """Take back what is planned for a base."""
    from bms.api.client import ask
    from bms.operations.requests.season_requests import SEASON_WITHDRAW, WithdrawSeason

    asked = WithdrawSeason(season_set=season_set, base=base, reason=reason)
    answer = ask(state_dir_of(site), SEASON_WITHDRAW, asked)
    if as_json:
        print_json(answer.plain())
    else:
        click.echo(
            say(
                "{base} ({season_set}): {season}, nothing is planned",
                base=base,
                season_set=season_set,
                season=answer.season,
            )
        )


# --- overlays --------------------------------------------------------------------------------


@click.group(cls=ErrorGroup)
def overlay() -> None:
    """Overlays on top of all schedules: epidemic ventilation, demand limit, shut-down."""


@overlay.command("list")
@SITE
@AS_JSON
def overlay_list(site: Path, as_json: bool) -> None:
    """Every overlay in the order in which they lie on each other, with its level."""
    from bms.api.client import ask
    from bms.cli.screens.tables import title_text
    from bms.operations.requests.season_requests import OVERLAY_LIST, ListOverlays

    answer = ask(state_dir_of(site), OVERLAY_LIST, ListOverlays())
    if as_json:
        print_json(answer.plain())
        return
    rows = answer.shown()
    if not rows:
        click.echo(say("overlays.yaml declares no overlay"))
        return
    table = table_of(None, "overlay", "title", "level", "until", "who", "because", "levels")
    for row in rows:
        table.add_row(
            row["overlay"],
            title_text(row["title"]),
            say("{level} (ended)", level=row["level"]) if row["ended"] else row["level"],
            row["until"] or "—",
            row["who"] or "—",
            row["reason"] or "—",
            ", ".join(row["levels"]) if row["by_hand"] else say("by its dates"),
        )
    show(table)


def _draw_level(trial: Mapping[str, Any]) -> None:
    until = say(" until {until}", until=trial["until"]) if trial.get("until") else ""
    click.echo(
        say(
            "overlay {overlay}: {level}{until}",
            overlay=trial["overlay"],
            level=trial["level"],
            until=until,
        )
    )
    _effects(trial)


@overlay.command("set")
@SITE
@click.argument("name")
@click.argument("level")
@FOR
@UNTIL
@REASON
@confirmed
def overlay_set(
    site: Path,
    name: str,
    level: str,
    duration: str | None,
    until: str | None,
    reason: str,
    confirming: Confirming,
) -> None:
    """Set overlay NAME to LEVEL, until its renewal date if nothing else is said."""
    from bms.operations.requests.season_requests import OVERLAY_SET, SetOverlay

    check_end(duration, until)
    asked = SetOverlay(overlay=name, level=level, duration=duration, until=until, reason=reason)
    carry_out(site, OVERLAY_SET, asked, _draw_level, confirming)


@overlay.command("renew")
@SITE
@click.argument("name")
@FOR
@UNTIL
@REASON
@confirmed
def overlay_renew(
    site: Path,
    name: str,
    duration: str | None,
    until: str | None,
    reason: str,
    confirming: Confirming,
) -> None:
    """Keep the level of overlay NAME for longer, counted from now."""
    from bms.operations.requests.season_requests import OVERLAY_RENEW, RenewOverlay

    check_end(duration, until)
    asked = RenewOverlay(overlay=name, duration=duration, until=until, reason=reason)
    carry_out(site, OVERLAY_RENEW, asked, _draw_level, confirming)


@overlay.command("clear")
@SITE
@click.argument("name")
@REASON
@confirmed
def overlay_clear(site: Path, name: str, reason: str, confirming: Confirming) -> None:
    """Switch overlay NAME off: its groups run as their schedules say."""
    from bms.operations.requests.season_requests import OVERLAY_CLEAR, ClearOverlay

    asked = ClearOverlay(overlay=name, reason=reason)
    carry_out(site, OVERLAY_CLEAR, asked, _draw_level, confirming)


def check_end(duration: str | None, until: str | None) -> None:
    if duration and until:
        raise InvalidInput(msg("say either --for or --until"))
    if duration:
        duration_of(duration, "--for")
