"""Proof of flow: a vote of meter, pressure, pump statuses, flow switch and valve ends. Pure.

Control cases: flow is proven, not assumed. Meter and flow switch are the strongest witnesses: GOOD
and below the least flow, there is none, whatever pumps and pressure say (a closed valve has both).
Through a valve that is not open nothing flows; one that is open proves nothing. Otherwise more
witnesses have to say that water flows than that it does not; one that is not GOOD says nothing. If
nobody says anything, the flow is unknown: that never proves it for a start, and it is a loss only
once it lasts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from bms.control.blocks.delays import held_for, holds_since, later, soonest
from bms.control.blocks.inputs.signals import Signal
from bms.control.engine.states import Words
from bms.texts.messages import Message, msg
from drivers.points import Quality


class Flow(StrEnum):
    """What is known of the flow."""

    PROVEN = "proven"
    NOT_PROVEN = "not proven"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class FlowRules:
    """What is flow, and how long its absence is waited for."""

    least_flow: float
    """In the unit of the meter, above 0: the least that the machines behind it need."""
    least_pressure_kpa: float = 10.0
    """Across machine or header; a pump that runs makes more (D)."""
    loss_s: float = 10.0
    """Not proven for so long while machines run is a loss: flow switches are quicker, but they
    also guard against a single reading (D)."""
    unknown_s: float = 300.0
    """Not proven for so long is one even if nobody says no (control reference, 7: 5 min without a
    link)."""


@dataclass(frozen=True, slots=True)
class FlowEvidence:
    """The witnesses. None, or no pump: there is no such instrument."""

    meter: Signal | None = None
    pressure: Signal | None = None
    pumps: Mapping[str, Signal] | None = None
    """Statuses of all pumps that can drive this flow; not 0 is on."""
    switch: Signal | None = None
    """The machine's or the header's flow switch; not 0 is flow."""
    valve: Signal | None = None
    """The end switch of the valve in front of the machine; not 0 is open."""


@dataclass(frozen=True, slots=True)
class FlowState:
    """The verdict, and since when it has stood."""

    verdict: Flow = Flow.UNKNOWN
    reason: Words = ""
    """For people; made when the witnesses change, not at each look."""
    said: str = ""
    """What meter, pressure, pumps, switch and valve said: one of `+-?.` each."""
    unproven_since_s: float | None = None
    unseen_since_s: float | None = None
    """Since when it has not been proven, for whatever reason."""
    watched_s: float = 0.0

    @property
    def proven(self) -> bool:
        """A machine may start on it."""
        return self.verdict is Flow.PROVEN

    @property
    def doubtful(self) -> bool:
        """Proven, but a witness contradicts or cannot be read: worth an alarm."""
        return self.proven and ("-" in self.said or "?" in self.said)

    def lost(self, rules: FlowRules) -> bool:
        """Whether a machine that runs has lost its flow."""
        return held_for(self.unproven_since_s, rules.loss_s, self.watched_s) or held_for(
            self.unseen_since_s, rules.unknown_s, self.watched_s
        )


def prove_flow(
    state: FlowState, rules: FlowRules, evidence: FlowEvidence, watched_s: float
) -> FlowState:
    """The verdict at a look."""
    pumps = _pumps(evidence.pumps)
    said = (
        _measured(evidence.meter, rules.least_flow)
        + _measured(evidence.pressure, rules.least_pressure_kpa)
        + pumps
        + _flag(evidence.switch)
        + _flag(evidence.valve)
    )
    verdict = _verdict(said)
    reason = state.reason
    if said != state.said:
        reason = _reason(said, verdict, rules, evidence)
    return FlowState(
        verdict,
        reason,
        said,
        holds_since(verdict is Flow.NOT_PROVEN, state.unproven_since_s, watched_s),
        holds_since(verdict is not Flow.PROVEN, state.unseen_since_s, watched_s),
        watched_s,
    )


def flow_due_s(state: FlowState, rules: FlowRules) -> float | None:
    """Until when verdict and loss stand if the witnesses say the same; None: for ever."""
    return soonest(
        state.watched_s,
        later(state.unproven_since_s, rules.loss_s),
        later(state.unseen_since_s, rules.unknown_s),
    )


def _measured(signal: Signal | None, least: float) -> str:
    if signal is None:
        return "."
    value = signal.good
    if value is None:
        return "?"
    return "+" if value >= least else "-"


def _flag(signal: Signal | None) -> str:
    if signal is None:
        return "."
    value = signal.good
    return "?" if value is None else "+" if value else "-"


def _pumps(pumps: Mapping[str, Signal] | None) -> str:
    """One that is surely on drives the flow; surely none only if each is surely off."""
    if not pumps:
        return "."
    statuses = [signal.good for signal in pumps.values()]
    if any(statuses):
        return "+"
    return "?" if any(status is None for status in statuses) else "-"


def _verdict(said: str) -> Flow:
    meter, _, _, switch, valve = tuple(said)
    voted = said[:4]
    yes, no = voted.count("+"), voted.count("-")
    if "-" in (meter, switch, valve) or (no and no >= yes):
        return Flow.NOT_PROVEN
    return Flow.PROVEN if yes else Flow.UNKNOWN


def _reason(said: str, verdict: Flow, rules: FlowRules, evidence: FlowEvidence) -> Message:
    """What the strongest witness for the verdict says."""
    if verdict is Flow.UNKNOWN:
        return _cannot_tell(evidence)
    meter, pressure, pumps, switch, valve = tuple(said)
    if verdict is Flow.PROVEN:
        if meter == "+":
            return msg("the flow meter shows flow")
        if switch == "+":
            return msg("the flow switch shows flow")
        if pressure == "+":
            return msg("the differential pressure shows flow")
        return msg("a pump shows that it runs")
    if meter == "-":
        return msg(
            "flow {flow:g}, at least {least_flow:g} needed",
            flow=_number(evidence.meter),
            least_flow=rules.least_flow,
        )
    if valve == "-":
        return msg("its isolation valve is not open")
    if switch == "-":
        return msg("the flow switch shows no flow")
    if pumps == "-":
        return msg("no pump shows that it runs")
    return msg(
        "differential pressure {pressure_kpa:g} kPa, at least {least_kpa:g} needed",
        pressure_kpa=_number(evidence.pressure),
        least_kpa=rules.least_pressure_kpa,
    )


def _number(signal: Signal | None) -> float:
    return 0.0 if signal is None or signal.value is None else signal.value


def _cannot_tell(evidence: FlowEvidence) -> Message:
    witnesses = (evidence.meter, evidence.pressure, evidence.switch)
    signals = [signal for signal in witnesses if signal is not None]
    signals += list((evidence.pumps or {}).values())
    details = [s.detail for s in signals if s.quality is not Quality.GOOD and s.detail]
    if details:
        return msg("nothing that proves the flow can be read: {detail}", detail=details[0])
    return msg("nothing that proves the flow can be read")
