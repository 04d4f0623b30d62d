"""Machines that do not do what they are told, whoever commands them, those that report a fault,
and set points that cannot be. Pure.

A strategy that waits for a proof of its own says so itself, more severely; both are one alarm.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from bms.control.engine.protection import is_on
from bms.control.protect.run_evidence import RunEvidence, run_evidence
from bms.core.decisions import Award, Condition, Severity
from bms.core.equipment import Equipment, Role
from bms.texts.messages import msg
from drivers.points import PointId, Quality, Sample

LOOK_EVERY: Final = timedelta(seconds=5)
"""Nothing that is found here is a matter of less than half a minute."""
STOPS_S: Final = 300.0
"""A machine that is commanded off stands still within this time: run-on of fans and pumps."""
MOTORS: Final = ("pump", "fan", "cooling_tower", "air_handler", "air_compressor")
_FAULTS: Final = ("fault", "alarm")
"""Roles by which a machine says that something is wrong with it."""


class Watch:
    """Looks at all equipment of a site. `unsent` are the outputs that are commanded in shadow."""

    def __init__(self, equipment: Iterable[Equipment], unsent: Collection[PointId] = ()) -> None:
        machines = list(equipment)
        self._told = [
            (machine, machine.points["enable"], runs)
            for machine in machines
            if "enable" in machine.points
            and machine.points["enable"] not in unsent
            and (runs := _evidence(machine)) is not None
        ]
        self._local = {m.id: m.points["local"] for m in machines if "local" in m.points}
        self._faults = [
            (machine.id, machine.points[role])
            for machine in machines
            for role in _FAULTS
            if role in machine.points
        ]
        self._limited = [
            (point, role)
            for machine in machines
            for name, point in machine.points.items()
            if (role := machine.kind.roles.get(name)) is not None and role.limits is not None
        ]
        self._against: dict[str, tuple[bool, float]] = {}
        """What a machine is told and does not do, and since when (seconds that were watched)."""
        self._proven: set[str] = set()
        """Ran since it was told to."""
        self._held: dict[str, Condition] = {}
        self._looked: datetime | None = None
        self.conditions: tuple[Condition, ...] = ()
        """What was found at the last look."""

    def look(
        self,
        samples: Mapping[PointId, Sample],
        awards: Mapping[PointId, Award],
        now: datetime,
        watched_s: float | None = None,
    ) -> None:
        """Look, unless that was done a moment ago.

        `watched_s` is the snapshot's: delays are measured in it; without it, in `now`.
        """
        if self._looked is not None and timedelta(0) <= now - self._looked < LOOK_EVERY:
            return
        self._looked = now
        found: dict[str, Condition] = {}
        at_s = now.timestamp() if watched_s is None else watched_s
        for name, point in self._local.items():
            if _flag(samples.get(point)):
                local = self._known(f"{name}:local") or _at_its_panel(name)
                found[local.key] = local
        for machine, enable, evidence in self._told:
            award = awards.get(enable)
            runs = _runs(samples.get(evidence.point), evidence)
            by_hand = f"{machine.id}:local" in found
            if award is None or runs is None or by_hand:
                # Nobody tells it, it cannot be seen, or it is switched at its panel.
                self._against.pop(machine.id, None)
                continue
            condition = self._judge(machine, is_on(award.value), runs, at_s)
            if condition is not None:
                found[condition.key] = condition
        for owner, point in self._faults:
            if _flag(samples.get(point)):
                condition = self._known(f"{owner}:fault") or _fault(owner)
                found[condition.key] = condition
        for point, role in self._limited:
            condition = self._beyond(point, role, samples.get(point))
            if condition is not None:
                found[condition.key] = condition
        if found.keys() != self._held.keys():
            self._held = found
            self.conditions = tuple(found.values())

    def _judge(self, machine: Equipment, told: bool, runs: bool, at_s: float) -> Condition | None:
        name = machine.id
        if not told:
            self._proven.discard(name)
        elif runs:
            self._proven.add(name)
        if told is runs or (told and machine.kind.cycles and name in self._proven):
            self._against.pop(name, None)
            return None
        before, since_s = self._against.get(name, (told, at_s))
        if before is not told or since_s > at_s:
            since_s = at_s
        self._against[name] = (told, since_s)
        if at_s - since_s < (machine.kind.proves_s if told else STOPS_S):
            return None
        if told:
            return self._known(f"{name}:proof") or _not_proven(name)
        return self._known(f"{name}:running") or _still_running(name)

    def _beyond(self, point: PointId, role: Role, sample: Sample | None) -> Condition | None:
        """What people may not ask for is wrong whoever wrote it: another master, somebody at the
        panel, or a scale that is wrong by ten. The same text for as long as it lasts."""
        if sample is None or sample.quality is not Quality.GOOD or role.limits is None:
            return None
        value, (least, most) = sample.value, role.limits
        if not isinstance(value, int | float) or least <= value <= most:
            return None
        return self._known(f"{point}:limits") or _outside(point, role.unit, value, least, most)

    def _known(self, key: str) -> Condition | None:
        return self._held.get(key)


def _evidence(machine: Equipment) -> RunEvidence | None:
    """What shows that a machine runs. Only motors are judged by what they draw: lamps that are
    dimmed and heaters that are warm draw nothing, too."""
    if "status" not in machine.points and machine.kind.name not in MOTORS:
        return None
    return run_evidence(machine)


def _runs(sample: Sample | None, evidence: RunEvidence) -> bool | None:
    if not evidence.above:
        return _flag(sample)
    if sample is None or sample.quality is not Quality.GOOD:
        return None
    return float(sample.value) > evidence.above if isinstance(sample.value, int | float) else None


def _flag(sample: Sample | None) -> bool | None:
    """A good sample as on or off."""
    if sample is None or sample.quality is not Quality.GOOD or isinstance(sample.value, str):
        return None
    return None if sample.value is None else sample.value != 0


def _fault(name: str) -> Condition:
    return Condition(
        f"{name}:fault", Severity.URGENT, msg("{equipment} reports a fault", equipment=name)
    )


def _outside(point: PointId, unit: str, value: float, least: float, most: float) -> Condition:
    text = msg(
        "{point} shows {reading:g} {unit}, and nobody may ask for less than {least:g} or more than "
        "{most:g}: look at its scale in the device file, and at who else writes it",
        point=point,
        reading=value,
        unit=unit,
        least=least,
        most=most,
    )
    return Condition(f"{point}:limits", Severity.URGENT, text)


def _at_its_panel(name: str) -> Condition:
    text = msg(
        "{equipment} is switched at its panel: the controller does not reach it until its switch "
        "is back at automatic",
        equipment=name,
    )
    return Condition(f"{name}:local", Severity.NORMAL, text)


def _not_proven(name: str) -> Condition:
    text = msg(
        "{equipment} is commanded on and does not run: look at its local switch, its breaker and "
        "the contact of its status",
        equipment=name,
    )
    return Condition(f"{name}:proof", Severity.URGENT, text)


def _still_running(name: str) -> Condition:
    text = msg(
        "{equipment} is commanded off and still runs: look at its local switch, its contactor and "
        "the contact of its status",
        equipment=name,
    )
    return Condition(f"{name}:running", Severity.NORMAL, text)
