"""Why somebody changes something: read on terminals, in the log and in the audit. Pure."""

from __future__ import annotations

from bms.core.errors import InvalidInput
from bms.texts.clean import clean
from bms.texts.messages import Message


def reason_of(text: str, missing: Message) -> str:
    """A reason as it is kept. Raises InvalidInput, saying `missing`, if it says nothing."""
    reason = clean(text)
    if not reason:
        raise InvalidInput(missing)
    return reason
