"""Asked of seasons and overlays: what stands, and to switch it."""

from __future__ import annotations

from pydantic import Field

from bms.operations.requests.operation import (
    Answer,
    Given,
    LocalTime,
    Operation,
    Request,
    Rows,
    Trial,
    Value,
)
from bms.texts.field import Words

# --- what a switch would change --------------------------------------------------------------


class ExpectedCommand(Answer):
    """What a group's point is expected to be told."""

    value: Value
    priority: int
    source: str
    reason: Words


class ExpectedChange(Answer):
    """One command that becomes another for a while."""

    point: str
    start: LocalTime = Field(alias="from")
    end: LocalTime = Field(alias="to")
    before: ExpectedCommand | None
    after: ExpectedCommand | None


class PowerView(Answer):
    """What an estimate of kWh rests on."""

    basis: str
    kw: dict[str, float]
    hours: dict[str, float]


class GroupEffect(Answer):
    """What changes for one group; hours by mode."""

    group: str
    title: dict[str, str]
    zone: str
    hours_before: dict[str, float]
    hours_after: dict[str, float]
    hours_by: dict[str, float]
    kwh: float | None
    power: PowerView | None
    setpoints_only: bool
    changes: tuple[ExpectedChange, ...]


class WithEffects(Answer):
    """The answer to a change; what it does in the days to come is worked out for a trial alone."""

    days: int | None = None
    groups: tuple[GroupEffect, ...] | None = None
    kwh: float | None = None


# --- seasons ---------------------------------------------------------------------------------


class ListSeasons(Request):
    """Every season set of every base."""


class _OfSet(Request):
    season_set: Given = Field(alias="set")
    base: Given


class ShowSeason(_OfSet):
    """One season set at a base, with its past."""


class SwitchSeason(_OfSet, Trial):
    """Switch the season of a base by hand, through `transitional` where it has to be."""

    to: Given
    at: str | None = None
    """When, as people write it; None for now."""
    force: bool = False
    """Also before the present season has stayed as long as it has to."""
    reason: Given


class WithdrawSeason(_OfSet, Trial):
    """Take back what is planned for a base."""

    reason: Given


class SpellView(Answer):
    """A season from an instant on."""

    season: str
    start: LocalTime = Field(alias="from")
    cause: str
    who: str
    reason: Words


class OutdoorView(Answer):
    """What is known of the outdoor temperature that decides a season."""

    point: str
    mean: str
    mean_c: float | None
    known_to: LocalTime | None
    bad: bool
    asks_for: str | None
    days: int
    confirm_days: int


class SeasonView(Answer):
    """One season set at one base: what is in force, since when and why."""

    season_set: str = Field(alias="set")
    base: str
    by: str
    season: str
    since: LocalTime | None
    reason: Words
    cause: str
    who: str
    dates_say: str
    groups: tuple[str, ...]
    planned: tuple[SpellView, ...]
    stays_until: LocalTime | None = None
    outdoor: OutdoorView | None


class SeasonShown(SeasonView):
    """The same with its last spells, the latest first."""

    history: tuple[SpellView, ...]


class Seasons(Rows[SeasonView]):
    """Season sets by set and base."""


class SeasonStep(Answer):
    """One season on the way."""

    season: str
    start: LocalTime = Field(alias="from")
    reason: Words


class SeasonSwitched(WithEffects):
    """What was switched, or would be."""

    season_set: str = Field(alias="set")
    base: str
    present: str
    since: LocalTime | None
    steps: tuple[SeasonStep, ...]
    replaces: tuple[Words, ...]
    checklist: tuple[dict[str, str], ...]


# --- overlays --------------------------------------------------------------------------------


class ListOverlays(Request):
    """Every overlay."""


class SetOverlay(Trial):
    """Set an overlay to a level, until its renewal date if nothing else is said."""

    overlay: Given
    level: Given
    duration: str | None = None
    until: str | None = None
    reason: Given


class RenewOverlay(Trial):
    """Keep the level of an overlay for longer, counted from now."""

    overlay: Given
    duration: str | None = None
    until: str | None = None
    reason: Given


class ClearOverlay(Trial):
    """Switch an overlay off."""

    overlay: Given
    reason: Given


class OverlayView(Answer):
    """One overlay with the level that it is at."""

    overlay: str
    title: dict[str, str]
    by_hand: bool
    levels: tuple[str, ...]
    level: str
    since: LocalTime | None = None
    until: LocalTime | None = None
    left_s: int | None = None
    who: str | None = None
    reason: Words | None = None
    ended: bool = False
    """Its time was over, and nobody has cleared it."""
    renew_days: int | None = None


class Overlays(Rows[OverlayView]):
    """Overlays in the order in which they lie on each other."""


class OverlaySwitched(WithEffects):
    """What was switched, or would be."""

    overlay: str
    level: str
    until: LocalTime | None = None
    was: str | None = None


SEASON_LIST = Operation("season.list", ListSeasons, Seasons)
SEASON_SHOW = Operation("season.show", ShowSeason, SeasonShown)
SEASON_SWITCH = Operation("season.switch", SwitchSeason, SeasonSwitched, changes=True)
SEASON_WITHDRAW = Operation("season.withdraw", WithdrawSeason, SeasonView, changes=True)
OVERLAY_LIST = Operation("overlay.list", ListOverlays, Overlays)
OVERLAY_SET = Operation("overlay.set", SetOverlay, OverlaySwitched, changes=True)
OVERLAY_RENEW = Operation("overlay.renew", RenewOverlay, OverlaySwitched, changes=True)
OVERLAY_CLEAR = Operation("overlay.clear", ClearOverlay, OverlaySwitched, changes=True)
