"""How far a proof goes: a seeded sample in `make slow`, all of it in `make proofs`."""

from __future__ import annotations

import os


def extent(sample: int, whole: int) -> int:
    """How many trials: `whole` where BMS_PROOFS is `whole`, else `sample`."""
    return whole if os.environ.get("BMS_PROOFS") == "whole" else sample
