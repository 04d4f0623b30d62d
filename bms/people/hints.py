"""Who an account says is behind it: shown and kept beside it, and no proof of anything."""

from __future__ import annotations

import re
from typing import Final

_ACCOUNT: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.@-]{0,63}\$?")
_SAYS: Final = " (says: "


def named(who: str, says: str | None) -> str:
    """An account, with the one that it says is behind it: `root (says: alice)`."""
    if not says or says == who or not _ACCOUNT.fullmatch(says):
        return who
    return f"{who}{_SAYS}{says})"


def account_in(who: str) -> str:
    """The account of what `named` made: what it says decides nothing."""
    return who.partition(_SAYS)[0]
