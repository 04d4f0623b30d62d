"""Parameters of `lighting`. Pure.

Defaults: the control reference, section 6; D marks engineering defaults, to be commissioned on
site.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bms.config.shapes.filemodel import FileModel


class LightingParameters(FileModel):
    """Parameters of `lighting`: times in seconds where the name says nothing else."""

    vacancy_s: float = Field(default=900.0, ge=30, le=14400)
    """How long nobody may be seen before a circuit goes off."""
    bay_confirm_s: float = Field(default=60.0, ge=0, le=3600)
    """How long a bay has to be empty before it counts as empty."""
    bay_timer_s: float = Field(default=300.0, ge=0, le=14400)
    """How long a circuit over bays stays on after the last of them is empty."""

    target_lux: float | None = Field(default=None, gt=0, le=20000)
    """The light that circuits with a light sensor are to keep; absent: daylight does not count."""
    target_lux_of: dict[str, float] = {}
    """The same for single circuits."""
    daylight_off: float = Field(default=1.5, gt=1, le=10)
    """Lamps go off above so many times the target."""
    daylight_on: float = Field(default=1.0, gt=0, le=5)
    """They come on below so many times the target."""
    daylight_s: float = Field(default=600.0, ge=0, le=7200)
    """How long there has to be so much light before lamps go off."""

    only_dark: bool = False
    """Lit only from sunset to sunrise: landscape, roads, signs."""
    dusk_min: float = Field(default=0.0, ge=-120, le=120)
    """Minutes after sunset, and before sunrise, from and to which it counts as dark."""
    photocells: list[str] = []
    """Photocells that say when it is dark, near sunset and sunrise; elsewhere the sun says it."""
    photocell_lux: float = Field(default=30.0, gt=0, le=1000)
    """It is dark below this, and light above twice as much, where a photocell measures (D)."""
    twilight_min: float = Field(default=45.0, ge=0, le=180)
    """Minutes around sunset and sunrise in which photocells count (D)."""

    floor_pct: float = Field(default=0.0, ge=0, le=100)
    """What no circuit goes below while it is dark enough for lamps, whatever the mode."""
    floor_of: dict[str, float] = {}
    """The same for single circuits: aisles, walkways, stairs. A circuit that cannot be dimmed
    stays on."""
    vacant_pct: float = Field(default=0.0, ge=0, le=100)
    """The level of circuits where nobody is, if they can be dimmed; 0: off."""

    warning: Literal["blink", "point", "none"] | None = None
    """How the sweep at closing is announced. Absent: by the circuit's `warning` point, or else it
    blinks; not at all where `only_dark` holds. Never let discharge lamps blink."""
    warning_s: float = Field(default=300.0, ge=0, le=1800)
    """How long before lamps go off people are warned."""
    blink_s: float = Field(default=2.0, ge=0.5, le=10)
    """How long the blink is."""
    extend_min: float = Field(default=120.0, ge=5, le=720)
    """How long a push on `extend` keeps the light on."""

    unchanged_days: float = Field(default=14.0, ge=0, le=365)
    """A bay or presence sensor that never changes for so long is named; 0: never (D)."""
    frozen_h: float = Field(default=24.0, ge=1, le=240)
    """A light sensor that shows the very same for so long is not believed (D)."""
