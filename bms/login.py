"""Who works here: the local account."""

from __future__ import annotations

import os
import pwd


def login() -> str:
    """The local user who works; behind sudo, the one who called it."""
    behind = os.environ.get("SUDO_USER")
    if behind and os.getuid() == 0:
        return behind
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"
