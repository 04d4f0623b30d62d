"""What a site may say of a station of air compressors. Pure."""

from __future__ import annotations

from pydantic import Field

from bms.config.shapes.filemodel import FileModel

CRITICAL_BELOW_LOW_KPA = 50.0
"""Where no critical pressure is given, it lies this far below the low one."""


class CompressorParameters(FileModel):
    """Parameters of `compressors`: gauge pressures of the header in kPa, times in seconds."""

    header: str
    """Equipment of kind air_header: the joined network."""
    transmitters: tuple[str, ...] = ()
    """Further equipment of kind air_header that shows the pressure of the same network. Of two
    that differ for 5 min the lower one counts, of three or more the median."""
    low_kpa: float = Field(default=650.0, gt=0)
    """Below it for `add_delay_s`, or falling so that it will be below within `ahead_s`, another
    unit starts."""
    high_kpa: float = Field(default=700.0, gt=0)
    """Above it for `shed_delay_s`, a unit stops."""
    critical_kpa: float | None = Field(default=None, gt=0)
    """Below it for 60 s, the cap `max_units` is released; 50 kPa below `low_kpa` if absent."""
    add_delay_s: float = Field(default=20.0, ge=0)
    """How long the pressure has to be low."""
    ahead_s: float = Field(default=30.0, ge=0)
    """How far a falling pressure is projected; 0: not at all."""
    shed_delay_s: float = Field(default=300.0, ge=0)
    """How long it has to be high, or what the units can give more than a unit too much."""
    trim_pct: float = Field(default=20.0, ge=0, le=100)
    """A trim unit with less to do than this share of what it can give makes a unit superfluous,
    once the others can do the work of one more."""
    unloaded_stop_s: float = Field(default=600.0, gt=0)
    """A unit that has run unloaded for so long stops."""
    min_units: int = Field(default=1, ge=0)
    """So many run at least while the group is on."""
    rotate_h: float = Field(default=168.0, gt=0)
    """A unit with so many run hours more than an idle one hands over to it."""
    restore_min: float = Field(default=30.0, ge=0)
    """So many minutes before the schedule raises `max_units`, the higher cap holds already."""
    trim: tuple[str, ...] = ()
    """Units that trim, the best at part load first; where nobody says, those with a speed, else
    the largest one."""
    regulate: bool = False
    """Units that take `pressure_setpoint` or `speed` are told what to hold: base units all they
    have, the trim unit the middle of the band. False: they keep what they are set to."""
    leak_alarm_pct: float | None = Field(default=None, gt=0, le=100)
    """The least hour of the last seven days above this share of their mean is an alarm: at least
    that much leaks, unless somebody works at every hour. None: it is only shown."""

    @property
    def least_kpa(self) -> float:
        """The critical pressure."""
        if self.critical_kpa is None:
            return self.low_kpa - CRITICAL_BELOW_LOW_KPA
        return self.critical_kpa

    @property
    def middle_kpa(self) -> float:
        """The middle of the band: enough to do without a unit while another starts."""
        return (self.low_kpa + self.high_kpa) / 2
