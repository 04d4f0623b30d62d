"""The labels of energy and of costs as people read them."""

from __future__ import annotations

from collections.abc import Mapping

from bms.texts.language import say


def shares_text(shares_pct: Mapping[str, float]) -> str:
    """The parts of an energy by label."""
    return ", ".join(f"{share:g} % {label_text(label)}" for label, share in shares_pct.items())


def label_text(label: str) -> str:
    """A label of the ledger as people read it."""
    words = {
        "measured": say("measured"),
        "corrected": say("corrected"),
        "derived": say("derived"),
        "allocated": say("allocated"),
        "manual": say("manual"),
        "estimated": say("estimated"),
        "missing": say("missing"),
    }
    return words.get(label, label)


def basis_text(how: str) -> str:
    """What the cost of an override was counted from, as people read it; empty if nothing was."""
    words = {"measured": say("measured"), "typical": say("typical"), "rated": say("rated")}
    return ", ".join(words.get(basis, basis) for basis in how.split(", "))
