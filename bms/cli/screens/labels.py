"""The labels of energy and of costs as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

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


def legend(labels: Iterable[str]) -> list[str]:
    """What labels mean that a reader may not know: a line for each, in a fixed order."""
    words = {
        "corrected": say(
            "corrected: a register that went round, jumped and came back, or was replaced"
        ),
        "derived": say("derived: by a formula of other meters"),
        "allocated": say(
            "allocated: the total is measured, over more than a quarter hour; how it divides is "
            "the meter's usual week, and it sets no peak"
        ),
        "manual": say("manual: between readings that a person took"),
        "estimated": say("estimated: by a person"),
        "missing": say("missing: nobody knows, which is no zero"),
    }
    found = set(labels)
    return [text for label, text in words.items() if label in found]


def basis_text(how: str) -> str:
    """What the cost of an override was counted from, as people read it; empty if nothing was."""
    words = {"measured": say("measured"), "typical": say("typical"), "rated": say("rated")}
    return ", ".join(words.get(basis, basis) for basis in how.split(", "))
