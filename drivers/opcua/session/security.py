"""How a session with an OPC-UA server is protected. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

PolicyName: TypeAlias = Literal["none", "basic256sha256", "aes128", "aes256"]
"""aes128 is Aes128_Sha256_RsaOaep, aes256 is Aes256_Sha256_RsaPss."""


@dataclass(frozen=True, slots=True)
class Security:
    """The policy of the channel, who we are, and which servers we believe.

    Every policy but `none` needs `certificate` and `key` (made by `bms cert`) and `trusted`, the
    directory of the server certificates that somebody has looked at (`bms cert trust`). The user
    is anonymous, or signs in by name and password, or by a separate certificate.
    """

    policy: PolicyName = "none"
    mode: Literal["sign_and_encrypt", "sign"] = "sign_and_encrypt"
    certificate: Path | None = None
    key: Path | None = None
    trusted: Path | None = None
    user: str | None = None
    password: str | None = None
    user_certificate: Path | None = None
    user_key: Path | None = None
    trust_command: str = "bms cert trust SITE LINK"
    """What to tell who meets a server that is not trusted yet."""

    def __repr__(self) -> str:
        return f"Security(policy={self.policy!r}, mode={self.mode!r}, user={self.user!r})"


NO_SECURITY = Security()
