"""`uploads.yaml`: platforms that energy figures are reported to, and in whose words."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from bms.config.shapes.filemodel import FileModel
from bms.config.shapes.models import Identifier
from bms.config.shapes.sinks import http_url
from bms.texts.addresses import Address
from bms.texts.messages import msg


class Kind(StrEnum):
    """Whose figures a message has, the shortest first."""

    QUARTER = "quarter"
    DAY = "day"
    MONTH = "month"


class Quality(StrEnum):
    """How a figure was come by, the most certain first."""

    MEASURED = "measured"
    CORRECTED = "corrected"
    DERIVED = "derived"
    ALLOCATED = "allocated"
    MANUAL = "manual"
    ESTIMATED = "estimated"
    PARTIAL = "partial"
    """Of a day or a month of which a part is unknown, as much as `least_coverage_pct` allows."""
    MISSING = "missing"


AmountUnit: TypeAlias = Literal["kWh", "MWh", "1e4kWh", "GJ", "MJ", "m3", "1e4m3"]
Code: TypeAlias = str | int
_WORTH: Final[dict[str, tuple[str, Fraction]]] = {
    "kWh": ("kWh", Fraction(1)),
    "MWh": ("kWh", Fraction(1000)),
    "1e4kWh": ("kWh", Fraction(10_000)),
    "GJ": ("kWh", Fraction(2500, 9)),
    "MJ": ("kWh", Fraction(5, 18)),
    "m3": ("m3", Fraction(1)),
    "1e4m3": ("m3", Fraction(10_000)),
}
"""What one of a unit is in the unit that meters are kept in."""

WORD: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_-]*)\}")
"""What stands for a value in a format."""
FIRST_DELAY_MIN: Final = {Kind.QUARTER: 5, Kind.DAY: 60, Kind.MONTH: 360}


def conversion(own: str, wanted: str) -> Fraction | None:
    """By what an amount in `own` (kWh or m3) is multiplied to be in `wanted`; None if by nothing:
    energy is no volume."""
    quantity, worth = _WORTH[wanted]
    return 1 / worth if quantity == own else None


def _path(text: str) -> str:
    if not text.startswith("/") or text.startswith("//") or any(c <= " " for c in text):
        raise ValueError(
            msg("'{path}' is no path: it begins with / and has no spaces", path=Address(text))
        )
    return text


class MeterUpload(FileModel):
    """What a platform calls a meter, and in what it wants its amounts."""

    code: str = Field(min_length=1, max_length=100)
    """The platform's name for the meter or point of collection; `{code}` in formats."""
    energy: Code = ""
    """The platform's class of energy; `{energy}` in formats."""
    unit: AmountUnit | None = None
    """In which amounts are sent; absent: the meter's own, kWh or m3."""
    unit_code: Code | None = None
    """What the platform calls the unit; absent: as above. `{unit}` in formats."""
    factor: Decimal = Field(default=Decimal(1), gt=0)
    """Amounts are multiplied by it besides."""
    more: dict[Identifier, Code] = {}
    """Further words for formats, by name: `{process}`, `{equipment}`, …"""


class AcknowledgedWhen(FileModel):
    """What the answer has to say besides a status of 2xx."""

    field: str = Field(min_length=1)
    """Its place in the JSON of the answer, with dots: `result.code`."""
    values: list[bool | int | str] = Field(min_length=1)
    """The values that mean "taken"."""


class FormatFile(FileModel):
    """In what words a platform wants its messages. A text of the form `{word}` is replaced by the
    value, also between other text; all else is sent as it stands."""

    body: dict[str, Any] = Field(min_length=1)
    """The JSON of a message, nested as it has to be. Words: `message_id`, `message_uuid`,
    `enterprise`, `kind`, `start`, `end`, `made`, `correction`, `revision`, `count`, `readings`."""
    reading: dict[str, Any] = Field(min_length=1)
    """The JSON of one meter, of which `{readings}` is a list. Words besides those of the message:
    `meter`, `code`, `energy`, `unit`, `value`, `quality`, and those of `more`."""
    times: dict[Kind, str] = {}
    """How `start` and `end` are written, by kind of message: `iso`, `epoch_s`, `epoch_ms`, or a
    pattern like `%Y-%m-%d %H:%M:%S`; absent: `iso`."""
    made: str = "iso"
    """How `made`, the time at which the message was made, is written."""
    kinds: dict[Kind, Code] = {}
    """What `kind` is called; absent: `quarter`, `day`, `month`."""
    corrections: dict[Literal["first", "again"], bool | Code] = {}
    """What `correction` says of a first message, and of one that corrects; absent: false, true."""
    quality: dict[Quality, Code] = {}
    """The platform's codes of quality; absent: the word itself."""
    missing: Literal["send_null", "omit_field", "omit_meter"] = "send_null"
    """How an amount is sent that nobody knows: as null, without its field, or without the meter.
    It is never sent as 0."""
    numbers: Literal["number", "text"] = "number"
    """Whether amounts are JSON numbers or texts."""
    decimals: int = Field(default=4, ge=0, le=9)
    """To how many decimals amounts are rounded."""
    acknowledged: AcknowledgedWhen | None = None
    """What the answer has to say; absent: a status of 2xx is enough."""


class PlatformFile(FileModel):
    """One platform that figures are reported to."""

    url: Annotated[str, AfterValidator(http_url)]
    """`https://…`"""
    enterprise: str = Field(min_length=1, max_length=100)
    """The enterprise's code there; `{enterprise}` in formats."""
    format: str
    """Which of the formats below."""
    paths: dict[Kind, Annotated[str, AfterValidator(_path)]] = Field(min_length=1)
    """Where each kind of message is posted; a kind without a path is not sent."""
    delay_min: dict[Kind, Annotated[int, Field(ge=3, le=20_160)]] = {}
    """Minutes after the end of a period; absent: quarter 5, day 60, month 360."""
    meters: dict[str, MeterUpload] = Field(min_length=1)
    """The meters that are reported, by name."""
    since: date | None = None
    """From which day on, six months back at most; absent: from when the platform first stands
    here."""
    zone: str | None = None
    """Whose days and months; absent: the site's."""
    least_coverage_pct: float = Field(default=100.0, gt=0, le=100)
    """How much of a day or a month has to be known for its amount to be sent."""
    auth: Literal["bearer", "basic", "header"] = "bearer"
    """How the secret is shown: as a bearer token, as `user:password`, or in `auth_header`."""
    auth_header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,60}$")] = "X-Token"
    """The header of `auth: header`."""
    token_env: str | None = Field(default=None, min_length=1)
    """The environment variable with the secret."""
    token_file: str | None = Field(default=None, min_length=1)
    """A file with the secret, relative to the site, that nobody else may read (mode 600)."""
    ca: str | None = None
    """The authority that signed the server's certificate, PEM, relative to the site."""
    insecure: bool = False
    """Allows `http://`: anybody on the way can read and change what is sent."""
    timeout_s: float = Field(default=20.0, ge=1, le=120)
    """How long an answer may take."""

    @model_validator(mode="after")
    def _one_way(self) -> PlatformFile:
        if self.url.startswith("http://") and not self.insecure:
            raise ValueError(
                msg(
                    "http:// can be read and changed on the way: write https://, or {key} if the "
                    "way is private",
                    key="insecure: true",
                )
            )
        if self.token_env is not None and self.token_file is not None:
            raise ValueError(
                msg("the secret comes from '{key}' or '{other_key}', not from both",
                    key="token_env", other_key="token_file")
            )  # fmt: skip
        return self

    def delay_ms(self, kind: Kind) -> int:
        """How long after the end of its period a message is due."""
        return self.delay_min.get(kind, FIRST_DELAY_MIN[kind]) * 60_000


class UploadsFile(FileModel):
    """`uploads.yaml`: figures for platforms such as those of key energy users."""

    platforms: dict[Identifier, PlatformFile] = Field(min_length=1)
    """The platforms by name; each is served apart from the others."""
    formats: dict[Identifier, FormatFile] = Field(min_length=1)
    """The formats by name."""
