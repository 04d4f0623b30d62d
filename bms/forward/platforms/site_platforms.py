"""The platforms of a site: from what `uploads.yaml` says to plans that can be carried out."""

from __future__ import annotations

from fractions import Fraction
from zoneinfo import ZoneInfo

from bms.config.reading.files import UPLOADS
from bms.config.reading.upload_file import read_uploads_file
from bms.config.shapes.upload_keys import MeterUpload, PlatformFile, UploadsFile, conversion
from bms.config.site import MeterSpec, Site
from bms.core.errors import InvalidInput
from bms.forward.platforms.collecting import Plan
from bms.forward.platforms.wording import Reported, Sender
from bms.texts.messages import msg
from bms.texts.problems import suggestion


def uploads_file(site: Site) -> UploadsFile | None:
    """`uploads.yaml` as it stands with the site; None if there is none.

    Raises InvalidInput with every problem of it.
    """
    text = site.texts.get(UPLOADS)
    if text is None:
        return None
    units = {spec.name: spec.medium.unit for spec in site.metering.values()}
    file, problems = read_uploads_file(text, units, site.file.zone)
    if file is None:
        raise InvalidInput(msg("{file} cannot be used", file=UPLOADS), problems)
    return file


def plans_of(site: Site) -> list[Plan]:
    """What each platform of the site is to have. Raises InvalidInput."""
    file = uploads_file(site)
    if file is None:
        return []
    specs = {spec.name: spec for spec in site.metering.values()}
    return [_plan(site, file, name, told, specs) for name, told in file.platforms.items()]


def named_plans(site: Site, name: str | None) -> list[Plan]:
    """The plan of that platform, or of all. Raises InvalidInput if there is none."""
    plans = plans_of(site)
    if not plans:
        raise InvalidInput(msg("the site has no {file}", file=UPLOADS))
    names = [plan.name for plan in plans]
    if name is not None and name not in names:
        raise InvalidInput(
            msg("no platform '{name}' in {file}; {suggestion}",
                name=name, file=UPLOADS, suggestion=suggestion(name, names))
        )  # fmt: skip
    return [plan for plan in plans if name in (None, plan.name)]


def _plan(
    site: Site,
    file: UploadsFile,
    name: str,
    told: PlatformFile,
    specs: dict[str, MeterSpec],
) -> Plan:
    sender = Sender(
        site=site.file.id,
        platform=name,
        enterprise=told.enterprise,
        zone=ZoneInfo(told.zone or site.file.zone),
        form=file.formats[told.format],
        meters={
            meter: _reported(meter, entry, specs[meter].medium.unit)
            for meter, entry in told.meters.items()
        },
    )
    return Plan(told, sender, {meter: specs[meter] for meter in told.meters})


def _reported(name: str, told: MeterUpload, own: str) -> Reported:
    unit = told.unit or own
    factor = conversion(own, unit)
    assert factor is not None  # checked with the file
    return Reported(name, told, unit, factor * Fraction(told.factor))
