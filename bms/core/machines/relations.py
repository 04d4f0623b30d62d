"""How equipment hangs together, and what it was built for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Compressor(StrEnum):
    """What turns a chiller: stages are chosen by it (Guideline 36, 5.20.4.14)."""

    CONSTANT_CENTRIFUGAL = "constant-centrifugal"
    VARIABLE_CENTRIFUGAL = "variable-centrifugal"
    POSITIVE_DISPLACEMENT = "positive-displacement"
    """Screw and scroll."""


@dataclass(frozen=True, slots=True)
class Relations:
    """To other equipment of the same base, by short name; empty where nobody said."""

    serves: tuple[str, ...] = ()
    """What lives on it: rooms and terminals of an air handler, a group, a loop behind a loop."""
    header: str = ""
    """The loop or header that it feeds: a chiller, its pumps, a boiler, a compressor."""
    cooled_by: str = ""
    """The chilled-water loop that its cooling coil draws from."""
    heated_by: str = ""
    """The hot-water loop that its heating coil draws from."""
    rejects_to: str = ""
    """The condenser-water loop that takes a chiller's heat."""
    isolation_valve: str = ""
    """The valve without which nothing flows through it, on the header's side."""
    cw_isolation_valve: str = ""
    """The same on the condenser's side."""
    stands_by_for: tuple[str, ...] = ()
    """It runs in place of these, and not beside them."""
    draws_from: str = ""
    """The tank, pit or store that a pump or mixing valve takes its water from."""
    fills: str = ""
    """The tank that a pump or valve brings water to."""

    def named(self) -> Mapping[str, tuple[str, ...]]:
        """Every name that it refers to, by relation."""
        found: dict[str, tuple[str, ...]] = {
            "serves": self.serves,
            "stands_by_for": self.stands_by_for,
        }
        for name in (
            "header", "cooled_by", "heated_by", "rejects_to", "isolation_valve",
            "cw_isolation_valve", "draws_from", "fills",
        ):  # fmt: skip
            target: str = getattr(self, name)
            found[name] = (target,) if target else ()
        return {name: targets for name, targets in found.items() if targets}


@dataclass(frozen=True, slots=True)
class StartLimits:
    """How often a machine may start: its maker's numbers; None where there is no limit."""

    per_hour: int | None = None
    per_day: int | None = None


@dataclass(frozen=True, slots=True)
class Curve:
    """Electricity of a chiller by EnergyPlus' EIR model: temperatures in degC, load as a share."""

    capacity: tuple[float, float, float, float, float, float]
    """CAPFT of leaving chilled and entering condenser water: 1, Te, Te2, Tc, Tc2, TeTc."""
    eir: tuple[float, float, float, float, float, float]
    """EIRFT of the same."""
    part_load: tuple[float, float, float]
    """EIRFPLR: 1, PLR, PLR2."""


@dataclass(frozen=True, slots=True)
class Design:
    """What a machine was built for; None where nobody wrote it down."""

    compressor: Compressor | None = None
    cop: float | None = None
    curve: Curve | None = None
    min_load_pct: float | None = None
    """Below this a chiller cycles; the least firing of a boiler."""
    min_flow_m3h: float | None = None
    flow_m3h: float | None = None
    cw_flow_m3h: float | None = None
    head_kpa: float | None = None
    supply_c: float | None = None
    """Leaving water: of a chiller chilled, of a boiler hot, of a tower condenser water."""
    return_c: float | None = None
    lift_min_k: float | None = None
    """The least difference of entering condenser and leaving chilled water that it can run on."""
    lift_max_k: float | None = None
    approach_k: float | None = None
    """Of a tower to the wet bulb, of a heat exchanger between its sides."""
    wet_bulb_c: float | None = None
    condensing: bool | None = None
    """Of a boiler."""
    airflow_m3h: float | None = None
    min_oa_m3h: float | None = None
    """The least outdoor air while people are there."""
    static_pa: float | None = None
    area_m2: float | None = None
    volume_m3: float | None = None
    dry_pct: float | None = None
    """Of a tank or pit: a pump that draws from it below this level draws air; its dry float."""
    low_pct: float | None = None
    """Where its low float hangs."""
    high_pct: float | None = None
    """Where its high float hangs."""
    overflow_pct: float | None = None
    """The brim: nothing fills it from here on; its overflow float."""
    fire_reserve_m3: float | None = None
    """What no pump may take out of a tank but those of the fire brigade."""
    hottest_c: float | None = None
    """The hottest water that a heat source makes, or a store is kept at."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a machine is to others and to those who command: all that is not a point."""

    relations: Relations = field(default_factory=Relations)
    design: Design = field(default_factory=Design)
    starts: StartLimits = field(default_factory=StartLimits)
    flow_proof: str = ""
    """What proves its flow where nothing that is read does: `machine`, its own switch."""
    exempt: bool = False
    """Nobody but a person may switch it: no schedule, overlay, limit or sweep."""
    emergency: bool = False
    """Nobody at all may switch it from here, people included."""
    critical: bool = False
    """It is never shed, nor is a group that runs it."""
