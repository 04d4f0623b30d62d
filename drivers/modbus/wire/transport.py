"""How a Modbus endpoint is reached, and what its devices can take. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from drivers.points import Table

TCP_PORT = 502
TLS_PORT = 802


@dataclass(frozen=True, slots=True)
class Tcp:
    """Modbus TCP."""

    host: str
    port: int = TCP_PORT
    transaction_ids: bool = True
    """False: answers do not repeat the transaction id of their request, and it is not looked at."""

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Tls:
    """Modbus/TCP Security: Modbus TCP inside TLS, with the server checked against `ca`.

    `certificate` and `key` (PEM) are ours, for servers that want to know who asks.
    `server_name` is the name in the server's certificate, where it is not `host`.
    """

    host: str
    port: int = TLS_PORT
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    server_name: str | None = None
    transaction_ids: bool = True

    def __str__(self) -> str:
        return f"{self.host}:{self.port} (TLS)"


@dataclass(frozen=True, slots=True)
class RtuOverTcp:
    """RTU frames through a serial gateway that passes bytes on as they are."""

    host: str
    port: int
    echo: bool | None = None
    """Whether what is sent comes back before the answer; None: that is found out."""

    def __str__(self) -> str:
        return f"{self.host}:{self.port} (RTU over TCP)"


@dataclass(frozen=True, slots=True)
class Serial:
    """RTU on a serial line of this machine. Modbus asks for even parity and one stop bit."""

    device: str
    baudrate: int = 19200
    parity: Literal["N", "E", "O"] = "E"
    stopbits: Literal[1, 2] = 1
    echo: bool | None = None
    """Whether what is sent comes back before the answer, as with some two-wire adapters; None:
    that is found out."""

    def __str__(self) -> str:
        return f"{self.device} ({self.baudrate} 8{self.parity}{self.stopbits})"

    @property
    def character_s(self) -> float:
        """Eleven bits: start, eight of data, parity or a second stop bit, stop."""
        return 11 / self.baudrate

    @property
    def silence_s(self) -> float:
        """Between frames: 3.5 characters, never less than 1.75 ms above 19,200 baud
        (Modbus over Serial Line V1.02, 2.5.1.1)."""
        return max(3.5 * self.character_s, 0.00175)


Endpoint: TypeAlias = Tcp | Tls | RtuOverTcp | Serial


@dataclass(frozen=True, slots=True)
class UnitProfile:
    """What one unit can take, beyond the protocol's own limits."""

    max_registers: int = 120
    """Most registers in one read; some firmware takes far fewer than the standard's 125."""
    max_gap: int = 16
    """Unused registers (bits: 16 times as many) read along rather than asking twice."""
    forbidden: tuple[tuple[Table, int, int], ...] = ()
    """Table, first and last address of what must not be read, not even as part of a gap."""
    from_start: tuple[Table, ...] = ()
    """Tables of which a read always brings what begins at 0, whatever was asked for."""


@dataclass(frozen=True, slots=True)
class Pacing:
    """How fast an endpoint can be spoken to, and how long it is waited for."""

    timeout_s: float = 1.0
    """Bounds each request and each attempt to connect."""
    connect_delay_s: float = 0.0
    """Waited after connecting: some devices swallow what comes right after the connection."""
    min_gap_s: float = 0.0
    """Waited between an answer and the next request."""
    max_in_flight: int = 1
    """So many requests may be on the way at a time, over TCP and TLS."""
