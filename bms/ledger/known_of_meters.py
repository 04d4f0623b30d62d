"""What is known of a meter besides its marks, as the ledger needs it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fractions import Fraction
from math import ceil, floor
from typing import Final
from zlib import crc32

from bms.config.site import RATING_MARGIN, MeterSpec
from bms.energy.intervals import Register
from bms.energy.register import HOUR_MS
from bms.ledger.power_beside import PowerRecord, power_beside

NO_QUESTION: Final = 10
"""kWh or m3: a rise by less is worth no question, whatever the meter did before."""


def register_of(
    spec: MeterSpec, resolution: Fraction, shown: Fraction, powers: PowerRecord | None
) -> Register:
    """The register of a meter in counts of `resolution`; it is read in steps of `shown`."""
    size = None if spec.register_size is None else Fraction(spec.register_size) / resolution
    # The register counts before the ratio, the rating is after it: the least ratio allows most.
    factors = [factor for _, factor in spec.ratios]
    least, greatest = min([*factors, Fraction(1)]), max([*factors, Fraction(1)])
    most = None if spec.most_per_h is None else spec.most_per_h / resolution / least
    wraps = None
    if size is not None and spec.rated and spec.most_per_h is not None:
        # Before the first ratio that is written, the register was another one, or none.
        rated = spec.most_per_h / RATING_MARGIN / resolution / min(factors, default=Fraction(1))
        wraps = ceil(size * HOUR_MS / rated)
    return Register(
        None if size is None else round(size),
        most,
        int(shown / resolution),
        spec.rated,
        wraps,
        own_past=spec.polled,
        slack=floor(NO_QUESTION / resolution / greatest),
        power=power_beside(powers, spec, resolution),
        ask_ms=crc32(spec.id.encode()) % 4 * HOUR_MS // 4,
    )


def settings_of(spec: MeterSpec) -> str:
    """Everything that slots depend on besides marks."""
    return json.dumps(
        {
            "size": None if spec.register_size is None else str(spec.register_size),
            "most": None if spec.most_per_h is None else str(spec.most_per_h),
            "ratios": [[ms, str(factor)] for ms, factor in spec.ratios],
            "terms": [[str(factor), key] for factor, key in spec.terms],
            "zone": spec.zone,
        }
    )


def first_difference(before: Mapping[str, object], now: Mapping[str, object]) -> int:
    """From when on slots are otherwise with other settings."""
    if any(before[key] != now[key] for key in ("size", "most", "terms", "zone")):
        return 0
    old, new = before["ratios"], now["ratios"]
    assert isinstance(old, list)
    assert isinstance(new, list)
    return min(
        int(ms) for ms, factor in [*old, *new] if [ms, factor] not in old or [ms, factor] not in new
    )
