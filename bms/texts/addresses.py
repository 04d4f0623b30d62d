"""Addresses that may hold a user and a password, and never show them."""

from __future__ import annotations

import re

_PARTS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)?(?P<rest>.*)", re.DOTALL)
_HOST = re.compile(r"[^/?#\\]*")
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
_HOST_AND_PORT = re.compile(r"[^:]*(:\d*)?|\[[^\]]*\](:\d*)?")


class Address(str):
    """An address without the user, the password and the query that stood in it.

    It may be shown, logged, sent and kept wherever a text may. Who connects asks for `login`.
    """

    __slots__ = ("login",)

    login: str
    """`user:password`; empty without a user."""

    def __new__(cls, written: str) -> Address:
        found = _PARTS.fullmatch(written)
        assert found is not None
        scheme, rest = found["scheme"] or "", found["rest"]
        host = _HOST.match(rest)
        before = host[0].rpartition("@")[0] if host else ""
        if not before and "@" in rest and not (host and _HOST_AND_PORT.fullmatch(host[0])):
            before = rest.rpartition("@")[0]  # a password with `/`, `?` or `#`
        if before:
            rest = rest[len(before) + 1 :]
        return cls._of(
            scheme + re.split("[?#]", rest, maxsplit=1)[0],
            ":".join(_unquoted(part) for part in before.split(":", 1)),
        )

    @classmethod
    def _of(cls, shown: str, login: str) -> Address:
        made = super().__new__(cls, shown)
        made.login = login
        return made

    def base(self) -> Address:
        """The same to put a path behind: without `/` at its end."""
        return self._of(self.rstrip("/"), self.login)

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (str(self),)


def _unquoted(part: str) -> str:
    """What `%40` and its like stand for."""
    raw = _PERCENT.sub(lambda found: bytes([int(found[1], 16)]), part.encode())
    return raw.decode(errors="replace")
