"""What about the meters a person should look at: steps nobody explained, trees that cannot be."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bms.config.site import MeterSpec, Site
from bms.core.decisions import Condition, Severity
from bms.core.instants import local_midnight, to_ms
from bms.energy.intervals import Energy, Event
from bms.energy.quarters import Stretch
from bms.energy.tree import Node, tree
from bms.ledger.database.store import Ledger
from bms.texts.messages import Message, msg

LOOK_BACK = timedelta(hours=24)


def conditions(site: Site, ledger: Ledger, now: datetime) -> list[Condition]:
    """Unexplained register steps of the last day, and impossible residuals of yesterday."""
    found: list[Condition] = []
    first, last = to_ms(now - LOOK_BACK), to_ms(now)
    for spec in site.metering.values():
        if spec.virtual:
            continue
        unknown = [
            s
            for s in ledger.stretches(spec.id, first, last)
            # A register that tells its total rarely begins with a gap: there is nothing to do.
            if s.amount is None and s.event is not Event.GAP
        ]
        if unknown:
            found.append(
                Condition(f"{spec.name}:register", Severity.NORMAL, _what_to_do(spec, unknown[-1]))
            )
    if any(spec.parent is not None for spec in site.metering.values()):
        found += _residuals(site, ledger, now)
    return found


def _what_to_do(spec: MeterSpec, unknown: Stretch) -> Message:
    if unknown.event is Event.FROZEN:
        return msg(
            "meter {meter}: {reason}; its energy is missing: look at the meter, its wiring and "
            "its gateway",
            meter=spec.name,
            reason=unknown.reason,
        )
    if unknown.event is Event.WRAPS:
        return msg(
            "meter {meter}: {reason}; its energy is missing: read a register with more digits",
            meter=spec.name,
            reason=unknown.reason,
        )
    if unknown.event is Event.DOUBT:
        return msg(
            "meter {meter}: {reason}; its energy is missing: tell it with 'bms meter replace', or "
            "write its ratio in {file}",
            meter=spec.name,
            reason=unknown.reason,
            file="meters.yaml",
        )
    return msg(
        "meter {meter}: {reason}; if it was replaced or reset, tell it with "
        "'bms meter replace', else 'bms meter correct'",
        meter=spec.name,
        reason=unknown.reason,
    )


def _residuals(site: Site, ledger: Ledger, now: datetime) -> list[Condition]:
    def yesterday(spec: MeterSpec) -> Energy:
        zone = ZoneInfo(spec.zone)
        day = now.astimezone(zone).date()
        begin = local_midnight(day - timedelta(days=1), zone)
        return ledger.energy_in(spec, begin, local_midnight(day, zone))

    def impossible(nodes: tuple[Node, ...]) -> list[Node]:
        return [
            node
            for one in nodes
            for node in (*((one,) if one.impossible else ()), *impossible(one.children))
        ]

    return [
        Condition(
            f"{node.spec.name}:residual",
            Severity.NORMAL,
            msg(
                "meter {meter} measured {amount:.1f} {unit} less yesterday than the meters behind "
                "it: check transformer ratios and the tree in {file}",
                meter=node.spec.name,
                amount=float(-(node.residual or 0)),
                unit=node.spec.medium.unit,
                file="meters.yaml",
            ),
        )
        for node in impossible(tree(site.metering, yesterday))
    ]
