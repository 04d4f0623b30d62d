"""`links.yaml`: how each endpoint of a site is reached."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from bms.config.shapes.filemodel import FileModel
from bms.texts.addresses import Address
from bms.texts.messages import msg
from drivers.modbus.wire.transport import (
    TCP_PORT,
    TLS_PORT,
    Endpoint,
    RtuOverTcp,
    Serial,
    Tcp,
    Tls,
    UnitProfile,
)

OPCUA_PORT = 4840
_OPCUA_URL = re.compile(
    r"opc\.tcp://(?P<host>\[[0-9a-fA-F:.%]+\]|[^/\s:\[\]]+)(:(?P<port>\d{1,5}))?(?P<path>/\S*)?"
)


def _host(host: str) -> str:
    if not _is_host(host):
        raise ValueError(
            msg(
                "'{host}' is not a host name or address (no scheme, port, path or brackets)",
                host=host,
            )
        )
    return host


def _is_host(host: str) -> bool:
    if not re.fullmatch(r"[^\s/\[\]@?#]+", host) or re.fullmatch(r"[^:]+:[^:]*", host):
        return False
    if ":" in host or re.fullmatch(r"[\d.]+", host):
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return False
        return True
    labels = host.removesuffix(".").split(".")  # RFC 1035, 2.3.4
    return len(host) <= 253 and all(0 < len(label) <= 63 for label in labels)


def opcua_url(url: str) -> str:
    """The address with its port: 4840 if it has none. ValueError if it is no OPC-UA address."""
    found = _OPCUA_URL.fullmatch(url)
    host = found["host"].strip("[]") if found else ""
    if found is None or not _is_host(host) or not 0 < int(found["port"] or OPCUA_PORT) < 0x10000:
        raise ValueError(
            msg("'{url}' is not an OPC-UA address: write opc.tcp://host:port", url=Address(url))
        )
    return url if found["port"] else f"opc.tcp://{found['host']}:{OPCUA_PORT}{found['path'] or ''}"


Host: TypeAlias = Annotated[str, AfterValidator(_host)]
Port: TypeAlias = Annotated[int, Field(ge=1, le=65535)]


class _Link(FileModel):
    poll_s: float = Field(default=1.0, gt=0, le=3600)
    """Seconds between reads of points whose device and equipment files name no pace."""
    mode: Literal["control", "shadow"] = "control"
    """`shadow`: nothing is written on this link; see `bms report shadow`."""


class _Modbus(_Link):
    """What all ways of speaking Modbus have in common."""

    timeout_s: float = Field(default=1.0, gt=0, le=30)
    """How long a request may go unanswered."""
    max_registers: int = Field(default=120, ge=1, le=125)
    """Most registers in one read; some devices take far fewer than the standard's 125."""
    max_gap: int = Field(default=16, ge=0, le=124)
    """Unused registers read along rather than asking twice."""
    connect_delay_s: float = Field(default=0.0, ge=0, le=30)
    """Wait so long after connecting, for devices that need it."""
    min_gap_s: float = Field(default=0.0, ge=0, le=5)
    """Wait so long between an answer and the next request, for devices that need it."""

    @property
    def profile(self) -> UnitProfile:
        return UnitProfile(self.max_registers, self.max_gap)


class _Numbered(_Modbus):
    """What has transaction ids."""

    max_in_flight: int = Field(default=1, ge=1, le=16)
    """Requests on the way at a time; above 1 only for devices that are known to queue them."""
    transaction_ids: bool = True
    """`false`: for devices and gateways that do not repeat the id of the request in the answer
    (but 0, or another). It is not looked at then; after a time-out the stream is brought back in
    step as a serial line is."""

    @field_validator("transaction_ids")
    @classmethod
    def _one_at_a_time(cls, ids: bool, info: ValidationInfo) -> bool:
        if not ids and info.data.get("max_in_flight", 1) > 1:
            raise ValueError(
                msg("without transaction ids nothing tells the answers apart: max_in_flight is 1")
            )
        return ids


class ModbusLink(_Numbered):
    """One Modbus TCP endpoint, shared by all units behind it."""

    protocol: Literal["modbus_tcp"]
    """Modbus TCP."""
    host: Host
    """Name or address."""
    port: Port = TCP_PORT
    """Its TCP port."""


class ModbusTlsLink(_Numbered):
    """Modbus TCP inside TLS. Files are relative to the site's directory."""

    protocol: Literal["modbus_tls"]
    """Modbus TCP inside TLS."""
    host: Host
    """Name or address."""
    port: Port = TLS_PORT
    """Its TCP port."""
    ca: str | None = None
    """The authority that signed the server's certificate, PEM; the system's own if absent."""
    certificate: str | None = None
    """Our certificate, PEM, where the server asks for one."""
    key: str | None = None
    """The key to our certificate, PEM."""
    server_name: str | None = None
    """The name in the server's certificate, where it is not the host."""


class _Line(_Modbus):
    """What has no transaction ids, and may have an echo."""

    echo: Literal["auto"] | bool = "auto"
    """Whether what is sent comes back before the answer, as with some RS-485 adapters. `auto`
    finds out, with a read before the first write if need be."""

    @property
    def echoes(self) -> bool | None:
        return None if self.echo == "auto" else bool(self.echo)


class ModbusRtuTcpLink(_Line):
    """RTU frames through a serial gateway that passes bytes on as they are."""

    protocol: Literal["modbus_rtu_tcp"]
    """RTU frames over TCP."""
    host: Host
    """Name or address."""
    port: Port
    """Its TCP port."""


class ModbusSerialLink(_Line):
    """A serial line of this machine."""

    protocol: Literal["modbus_rtu"]
    """Modbus RTU on a serial line."""
    device: str = Field(min_length=1)
    """The line: `/dev/ttyUSB0`."""
    baudrate: int = Field(default=19200, ge=300, le=1_000_000)
    """Bits a second."""
    parity: Literal["N", "E", "O"] = "E"
    """None, even or odd."""
    stopbits: Literal[1, 2] = 1
    """Stop bits; the standard wants 2 without parity."""


class OpcUaLink(_Link):
    """One OPC-UA server. Having no security must be stated."""

    protocol: Literal["opcua"]
    """OPC-UA."""
    url: Annotated[str, AfterValidator(opcua_url)]
    """`opc.tcp://host:port/path`; the port is 4840 if absent."""
    security: Literal["none", "basic256sha256", "aes128", "aes256"]
    """The security policy. `none` has to be written out."""
    security_mode: Literal["sign_and_encrypt", "sign"] = "sign_and_encrypt"
    """Whether messages are encrypted or only signed."""
    user: str | None = None
    """The name to log on with; anonymous if absent."""
    password_env: str | None = None
    """The environment variable that holds the user's password."""
    user_certificate: str | None = None
    """Log on with this certificate in place of a password."""
    user_key: str | None = None
    """The key of `user_certificate`."""
    subscribe: bool = True
    """`false`: poll, for servers whose subscriptions cannot be trusted."""
    sampling_s: float | None = Field(default=None, ge=0, le=3600)
    """How often the server looks at its source; as often as it publishes if absent."""
    queue: int = Field(default=2, ge=1, le=1000)
    """Values of an item that the server keeps between two messages; the latest one counts."""
    timeout_s: float = Field(default=4.0, gt=0, le=60)
    """How long a request may go unanswered."""


class PlantLink(_Link):
    """An in-process plant in place of a wire: for studies, training and trials of a site.

    `bms simulate` steps it in simulated time, `bms run` in real time.
    """

    protocol: Literal["plant"]
    """A plant inside the process."""
    plant: str = Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")
    """`module:Class`, importable where the controller runs."""
    options: dict[str, str] = {}
    """Handed to the class by name; `{site}` in them is the site's directory."""


ModbusSettings: TypeAlias = ModbusLink | ModbusTlsLink | ModbusRtuTcpLink | ModbusSerialLink
LinkSettings: TypeAlias = ModbusSettings | OpcUaLink | PlantLink
LinkFile: TypeAlias = Annotated[LinkSettings, Field(discriminator="protocol")]

PROTOCOLS: dict[str, type[LinkSettings]] = {
    "modbus_tcp": ModbusLink,
    "modbus_tls": ModbusTlsLink,
    "modbus_rtu_tcp": ModbusRtuTcpLink,
    "modbus_rtu": ModbusSerialLink,
    "opcua": OpcUaLink,
    "plant": PlantLink,
}

ADDRESS_KEYS = {
    "modbus_tcp": ("host", "port"),
    "modbus_tls": ("host", "port"),
    "modbus_rtu_tcp": ("host", "port"),
    "modbus_rtu": ("device",),
    "opcua": ("url",),
    "plant": ("plant",),
}
"""What of a link is an address, and may be replaced from outside (`--endpoints`)."""


def spoken(settings: LinkSettings) -> str:
    """The protocol in the sense of device files: modbus, opcua or plant."""
    return msg("modbus") if isinstance(settings, ModbusSettings) else settings.protocol


def endpoint(settings: ModbusSettings, directory: Path) -> Endpoint:
    """Where a Modbus link leads to; files are taken from the site's directory."""
    if isinstance(settings, ModbusLink):
        return Tcp(settings.host, settings.port, settings.transaction_ids)
    if isinstance(settings, ModbusRtuTcpLink):
        return RtuOverTcp(settings.host, settings.port, settings.echoes)
    if isinstance(settings, ModbusSerialLink):
        return Serial(
            settings.device,
            settings.baudrate,
            settings.parity,
            settings.stopbits,
            settings.echoes,
        )
    return Tls(
        settings.host,
        settings.port,
        ca=_file(directory, settings.ca),
        certificate=_file(directory, settings.certificate),
        key=_file(directory, settings.key),
        server_name=settings.server_name,
        transaction_ids=settings.transaction_ids,
    )


def place(settings: LinkSettings) -> str:
    """What two links must not share, as many devices take one connection only; else ""."""
    if isinstance(settings, ModbusSerialLink):
        return settings.device
    if isinstance(settings, ModbusSettings):
        return f"{settings.host.lower()}:{settings.port}"
    return ""


def _file(directory: Path, name: str | None) -> Path | None:
    return None if name is None else directory / name
