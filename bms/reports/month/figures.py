"""Energies of the ledger as figures of a document."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

from bms.config.site import MeterSpec
from bms.core.readings import Label, worst
from bms.energy.billing.allotment import Use
from bms.energy.demand import Peak
from bms.energy.intervals import Energy
from bms.reports.documents.document import Figure, Name, missing
from bms.texts.messages import joined, msg

_HOUR_MS = 3_600_000
_PLAIN = (Label.MEASURED, Label.CORRECTED, Label.DERIVED, Label.MISSING)
MOST_DECIMALS = 2


def of_use(use: Use) -> Figure:
    """The energy of a share of the month."""
    if use.missing_ms:
        hours = use.missing_ms / _HOUR_MS
        return missing(msg("{hours:.2f} hours are missing", hours=hours), use.least, use.most)
    label = Label.MEASURED
    for found, amount in use.by_label.items():
        label = worst(label, found) if amount else label
    return Figure(use.known, label, _share_text(use.by_label))


def of_energy(energy: Energy, spec: MeterSpec | None = None) -> Figure:
    """The energy of a period: what lacks a part is missing, with what is known as the least."""
    if energy.amount is None:
        return missing(msg("nothing is known of this time"))
    if energy.covered < 1:
        hours = float((1 - energy.covered) * (energy.end - energy.start).total_seconds()) / 3600
        most = None
        signed = spec is not None and any(factor < 0 for factor, _ in spec.terms)
        if spec is not None and spec.rated and spec.most_per_h is not None:
            most = energy.amount + spec.most_per_h * Fraction(hours)
        least = None if signed else energy.amount
        return missing(msg("{hours:.2f} hours are missing", hours=hours), least, most)
    label = Label.MEASURED
    for found, amount in energy.shares.items():
        label = worst(label, found) if amount else label
    return Figure(energy.amount, label, _share_text(energy.shares))


def of_peak(peak: Peak) -> Figure:
    """The demand of a month: where quarter hours are missing it can have been more."""
    if peak.peak is None:
        return missing(msg("no quarter hour is known well enough"))
    if peak.filled_pct < 100:
        reason = msg("{share:.2f} % of the quarter hours could set it", share=peak.filled_pct)
        return Figure(peak.peak, Label.MEASURED, reason)
    return Figure(peak.peak)


def _share_text(shares: Mapping[Label, Fraction]) -> str:
    """Which part of an amount is less than measured."""
    total = sum((abs(share) for share in shares.values()), Fraction(0))
    parts = [
        msg("{share:.2f} % {label}", share=float(abs(shares[label]) / total * 100),
            label=label_of(label))
        for label in Label
        if label not in _PLAIN and total and shares.get(label)
    ]  # fmt: skip
    return joined(", ", *parts) if parts else ""


def label_of(label: Label) -> str:
    """A label as a message."""
    return {
        Label.MEASURED: msg("measured"),
        Label.CORRECTED: msg("corrected"),
        Label.DERIVED: msg("derived"),
        Label.ALLOCATED: msg("allocated"),
        Label.MANUAL: msg("manual"),
        Label.ESTIMATED: msg("estimated"),
        Label.MISSING: msg("missing"),
    }[label]


def decimals_of(spec: MeterSpec) -> int:
    """How many decimals whole counts of a meter have, at most two."""
    if spec.virtual:
        return MOST_DECIMALS
    worth = Decimal(spec.resolution)
    for _, ratio in spec.ratios:
        worth = max(worth, Decimal(spec.resolution) * ratio.numerator / ratio.denominator)
    exponent = worth.normalize().as_tuple().exponent
    return min(MOST_DECIMALS, max(0, -int(exponent)))


def name_of(spec: MeterSpec) -> Name:
    """A meter as people name it: by its title, else without its base."""
    return Name(spec.name.partition(".")[2] or spec.name, spec.title)
