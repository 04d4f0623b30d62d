"""Who works here: local accounts."""

from __future__ import annotations

import os
import pwd


def login() -> str:
    """The local user who works; behind sudo, the one who called it."""
    behind = os.environ.get("SUDO_USER")
    if behind and os.getuid() == 0:
        return behind
    return account(os.getuid())


def account(uid: int) -> str:
    """The name of a local account; its number if it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
