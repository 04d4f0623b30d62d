"""What a lamp circuit says when something about it is wrong. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bms.config.site import Group
from bms.control.blocks.delays import held_for
from bms.control.strategies.lighting import lamp_watch
from bms.control.strategies.lighting.circuits import Circuit
from bms.control.strategies.lighting.daylight import Daylight
from bms.control.strategies.lighting.lamp_watch import LampWatch
from bms.control.strategies.lighting.lighting_parameters import LightingParameters
from bms.control.strategies.lighting.night import Darkness, contradicting
from bms.control.strategies.lighting.presence import DOUBT_S, Presence
from bms.core.decisions import Condition, Severity
from bms.core.equipment import Equipment
from bms.texts.messages import msg
from drivers.points import PointId

_DAY_S = 86400.0


def unknown_mode(group: Group, mode: object, modes: Sequence[str]) -> Condition:
    """For a mode that the strategy does not know: it then commands nothing."""
    return Condition(
        f"{group.id}:mode",
        Severity.URGENT,
        msg(
            "{group} is commanded to the unknown mode '{mode}'; allowed: {modes}; its equipment "
            "is left alone",
            group=group.id,
            mode=mode,
            modes=", ".join(modes),
        ),
    )


class Findings:
    """The conditions of one circuit; the same objects for as long as they hold."""

    def __init__(
        self, circuit: Circuit, cells: Sequence[Equipment], parameters: LightingParameters
    ) -> None:
        self._circuit = circuit
        self._cells = tuple(cells)
        self._parameters = parameters
        self._key: tuple[object, ...] = ()
        self._held: tuple[Condition, ...] = ()

    def conditions(
        self,
        presence: Presence,
        daylight: Daylight,
        darkness: Darkness,
        lamps: LampWatch,
        watched_s: float,
    ) -> tuple[Condition, ...]:
        """What is wrong now."""
        key = (
            lamp_watch.burns(lamps, watched_s),
            lamp_watch.dead(lamps, watched_s),
            held_for(presence.unknown_since_s, DOUBT_S, watched_s),
            self._unchanged(presence, watched_s),
            self._circuit.daylight is not None and daylight.lost,
            tuple(contradicting(darkness, watched_s)),
        )
        if key != self._key:
            self._key, self._held = key, tuple(self._said(*key))
        return self._held

    def _unchanged(self, presence: Presence, watched_s: float) -> tuple[PointId, ...]:
        days_s = self._parameters.unchanged_days * _DAY_S
        if not days_s:
            return ()
        return tuple(
            point
            for point, since_s in zip(self._circuit.presence, presence.changed_s, strict=False)
            if watched_s - since_s >= days_s
        )

    def _said(
        self,
        burns: bool,
        dead: bool,
        unknown: bool,
        unchanged: tuple[PointId, ...],
        no_light: bool,
        cells: tuple[int, ...],
    ) -> list[Condition]:
        name = self._circuit.machine.id
        found: list[Condition] = []
        if burns:
            text = msg(
                "{equipment} is commanded off and its lamps draw power: look for a contactor that "
                "has welded and for a local switch",
                equipment=name,
            )
            found.append(Condition(f"{name}:running", Severity.NORMAL, text))
        if dead:
            text = msg(
                "{equipment} is commanded on and its lamps draw no power: look at its breaker and "
                "its contactor",
                equipment=name,
            )
            found.append(Condition(f"{name}:proof", Severity.URGENT, text))
        if unknown:
            text = msg(
                "nobody knows whether somebody is at {equipment}, for a sensor cannot be read: it "
                "is lit as scheduled until that is right",
                equipment=name,
            )
            found.append(Condition(f"{name}:presence", Severity.NORMAL, text))
        if unchanged:
            text = msg(
                "{points} of {equipment} show the same for {days:g} days: look whether the sensor "
                "has frozen",
                points=_some(unchanged),
                equipment=name,
                days=self._parameters.unchanged_days,
            )
            found.append(Condition(f"{name}:unchanged", Severity.NORMAL, text))
        if no_light:
            text = msg(
                "the light sensor of {equipment} is away, has frozen or shows light at night: "
                "daylight does not count until it is right",
                equipment=name,
            )
            found.append(Condition(f"{name}:light", Severity.NORMAL, text))
        for index in cells:
            cell = self._cells[index].id
            text = msg(
                "photocell {equipment} contradicts the sun: look for dirt on it, for a lamp above "
                "it and for its wire",
                equipment=cell,
            )
            found.append(Condition(f"{cell}:contradicts", Severity.NORMAL, text))
        return found


def _some(points: Sequence[PointId]) -> str:
    shown = ", ".join(points[:3])
    more = len(points) - 3
    return msg("{points} and {more} more", points=shown, more=more) if more > 0 else shown
