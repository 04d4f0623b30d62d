"""A database that is copied to, with what its server asks for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from bms.config.shapes.sinks import InfluxFile


@dataclass(frozen=True, slots=True)
class Destination:
    """One database of `site.yaml`."""

    settings: InfluxFile
    token: str = field(repr=False)
    ca: Path | None = None
    """The file of the authority that signed the server's certificate; None: those of the
    machine."""
