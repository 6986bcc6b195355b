"""What statistical properties share: their settings."""

from __future__ import annotations

from hypothesis import HealthCheck, settings


def drawn(examples):
    """Settings of a property that draws so many networks and shares its level among them by ``evidence.share``.

    The fixture ``evidence`` is made once for all examples, because their level is counted there.
    """
    checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much]
    return settings(max_examples=examples, suppress_health_check=checks)
