"""Why somebody changes something: read on terminals, in the log and in the audit. Pure."""

from __future__ import annotations

from bms.core.errors import InvalidInput
from bms.texts.messages import Message


def one_line(text: str) -> str:
    """Anybody's words on one line, without control characters; empty if nothing is left."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def reason_of(text: str, missing: Message) -> str:
    """A reason as it is kept. Raises InvalidInput, saying `missing`, if it says nothing."""
    reason = one_line(text)
    if not reason:
        raise InvalidInput(missing)
    return reason
