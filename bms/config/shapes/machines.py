"""What equipment files say beside points: how machines hang together, what they were built for."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field

from bms.config.shapes.filemodel import FileModel
from bms.core.machines.relations import (
    Compressor,
    Curve,
    Design,
    Relations,
    Standing,
    StartLimits,
)


def _names(value: object) -> object:
    return [value] if isinstance(value, str) else value


Names: TypeAlias = Annotated[list[str], BeforeValidator(_names)]
"""One name, or several in a list."""


class StartsFile(FileModel):
    """How often a machine may start: its maker's numbers."""

    per_hour: int | None = Field(default=None, ge=1, le=60)
    """The most starts within any hour."""
    per_day: int | None = Field(default=None, ge=1, le=500)
    """The most starts within any 24 hours."""


class CurveFile(FileModel):
    """Electricity of a chiller by EnergyPlus' EIR model; temperatures in degC, load as a share."""

    capacity: list[float] = Field(min_length=6, max_length=6)
    """CAPFT: 1, Te, Te², Tc, Tc², TeTc (Te leaving chilled, Tc entering condenser water)."""
    eir: list[float] = Field(min_length=6, max_length=6)
    """EIRFT of the same."""
    part_load: list[float] = Field(min_length=3, max_length=3)
    """EIRFPLR: 1, PLR, PLR²."""

    @property
    def curve(self) -> Curve:
        """The curve as the controller has it."""
        c, e, p = self.capacity, self.eir, self.part_load
        return Curve(
            (c[0], c[1], c[2], c[3], c[4], c[5]),
            (e[0], e[1], e[2], e[3], e[4], e[5]),
            (p[0], p[1], p[2]),
        )


class DesignFile(FileModel):
    """What a machine was built for; what is absent is not known, and never guessed."""

    compressor: (
        Literal["constant-centrifugal", "variable-centrifugal", "positive-displacement"] | None
    ) = None
    """What turns a chiller; `positive-displacement` is screw and scroll."""
    cop: float | None = Field(default=None, gt=0, le=30)
    """Of a chiller or heat pump at its design point."""
    curve: CurveFile | None = None
    """Its electricity at other points."""
    min_load_pct: float | None = Field(default=None, ge=0, le=100)
    """Below this a chiller cycles; the least firing of a boiler."""
    min_flow_m3h: float | None = Field(default=None, ge=0)
    """The least water that it runs with."""
    flow_m3h: float | None = Field(default=None, gt=0)
    """Its water at design: chilled, hot, or a pump's."""
    cw_flow_m3h: float | None = Field(default=None, gt=0)
    """A chiller's condenser water at design."""
    head_kpa: float | None = Field(default=None, gt=0)
    """A pump's head at design."""
    supply_c: float | None = Field(default=None, ge=-40, le=200)
    """Leaving water at design."""
    return_c: float | None = Field(default=None, ge=-40, le=200)
    """Entering water at design."""
    lift_min_k: float | None = Field(default=None, ge=0, le=60)
    """The least difference of condenser and chilled water that a chiller can run on."""
    lift_max_k: float | None = Field(default=None, ge=0, le=80)
    """The most."""
    approach_k: float | None = Field(default=None, ge=0, le=40)
    """Of a tower to the wet bulb, of a heat exchanger between its sides."""
    wet_bulb_c: float | None = Field(default=None, ge=-20, le=40)
    """The wet bulb that a tower was chosen for."""
    condensing: bool | None = None
    """Whether a boiler condenses."""
    airflow_m3h: float | None = Field(default=None, gt=0)
    """Supply air at design."""
    min_oa_m3h: float | None = Field(default=None, ge=0)
    """The least outdoor air while people are there."""
    static_pa: float | None = Field(default=None, gt=0)
    """The duct's static pressure at design."""
    area_m2: float | None = Field(default=None, gt=0)
    """Floor that it serves."""
    volume_m3: float | None = Field(default=None, gt=0)
    """Of a tank, or of the rooms that it serves."""
    dry_pct: float | None = Field(default=None, ge=0, le=100)
    """A pump that draws from a tank or pit below this level draws air; its dry float hangs here."""
    low_pct: float | None = Field(default=None, ge=0, le=100)
    """Where its low float hangs."""
    high_pct: float | None = Field(default=None, ge=0, le=100)
    """Where its high float hangs."""
    overflow_pct: float | None = Field(default=None, gt=0, le=100)
    """The brim: nothing fills it from here on; its overflow float hangs here."""
    fire_reserve_m3: float | None = Field(default=None, gt=0)
    """What no pump may take out of a tank but those of the fire brigade."""
    hottest_c: float | None = Field(default=None, ge=20, le=130)
    """The hottest water that a heat source makes, or a store is kept at."""

    @property
    def design(self) -> Design:
        """The design as the controller has it."""
        told = {name: getattr(self, name) for name in type(self).model_fields}
        told["compressor"] = None if self.compressor is None else Compressor(self.compressor)
        told["curve"] = None if self.curve is None else self.curve.curve
        return Design(**told)


class MachineKeys(FileModel):
    """Keys of an equipment entry that hold beside its points."""

    serves: Names = []
    """What lives on it: rooms, terminals, a group, a loop; names of the same base."""
    header: str | None = None
    """The loop or air header that it feeds: of chillers, pumps, boilers, compressors."""
    cooled_by: str | None = None
    """The chilled-water loop of its cooling coil."""
    heated_by: str | None = None
    """The hot-water loop of its heating coil."""
    rejects_to: str | None = None
    """The condenser-water loop that takes a chiller's heat."""
    isolation_valve: str | None = None
    """The valve, a piece of equipment, without which nothing flows through it."""
    cw_isolation_valve: str | None = None
    """The same on the condenser's side."""
    stands_by_for: Names = []
    """It runs in place of these, never beside them."""
    draws_from: str | None = None
    """The tank, pit or hot-water store that a pump or mixing valve takes its water from."""
    fills: str | None = None
    """The tank that a pump or valve brings water to."""
    starts: StartsFile = StartsFile()
    """How often it may start."""
    design: DesignFile = DesignFile()
    """What it was built for."""
    flow_proof: Literal["machine"] | None = None
    """Where nothing that is read proves its flow: `machine`, its own switch trips it."""
    exempt: bool = False
    """Only a person may switch it: no schedule, overlay, limit or sweep."""
    emergency: bool = False
    """Emergency and escape lighting: nobody may switch it from here, people included. Its points
    are read and never written."""
    critical: bool = False
    """A demand limit never sheds or limits it, nor a group that runs it: fire, process, servers."""

    @property
    def standing(self) -> Standing:
        """All of it as the controller has it."""
        return Standing(
            Relations(
                serves=tuple(self.serves),
                header=self.header or "",
                cooled_by=self.cooled_by or "",
                heated_by=self.heated_by or "",
                rejects_to=self.rejects_to or "",
                isolation_valve=self.isolation_valve or "",
                cw_isolation_valve=self.cw_isolation_valve or "",
                stands_by_for=tuple(self.stands_by_for),
                draws_from=self.draws_from or "",
                fills=self.fills or "",
            ),
            self.design.design,
            StartLimits(self.starts.per_hour, self.starts.per_day),
            self.flow_proof or "",
            self.exempt,
            self.emergency,
            critical=self.critical,
        )
