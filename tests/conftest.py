"""What holds for every test."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# An example may take as long as it takes: a busy machine is no finding.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
