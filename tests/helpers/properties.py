"""What statistical properties share: their settings, and the verdict on two samplers of one law."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

from theory_check.inference import design, law_distance_interval

#: Chance, at most, that samples of one law are not found near each other for lack of replicates.
MISS = 1e-6


def drawn(examples):
    """Settings of a property that draws so many networks and shares its level among them by ``evidence.share``.

    The fixture ``evidence`` is made once for all examples, because their level is counted there.
    """
    checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much]
    return settings(max_examples=examples, suppress_health_check=checks)


def assert_one_law(example, first, second, wrong, *, margin=0.1, remainder=0.0):
    """Support that two samplers have one law, and refute it of two others.

    A sampler returns n values from a seed; n is what the margin needs, and the radii of the bands are then so small
    that laws at the distance of the margin are told apart.

    Parameters
    ----------
    example : Example
        Level and seed.
    first, second : callable
        Of a number of values and a seed.
    wrong : pair of them
        A near mistake: its laws are not one.
    margin : float
        Kolmogorov distance that still counts as agreement.
    remainder : float
        Proven bound on the distance of the first two.
    """
    n = design.law_distance_sample_size(margin=margin, alpha=example.level, miss=MISS)
    # Equal experiments have equal streams under one seed.
    one, other, *pair = (sample(n, (example.seed + i) % 2**64) for i, sample in enumerate((first, second, *wrong)))
    found, mistaken = (law_distance_interval(*values, alpha=example.level) for values in ((one, other), pair))
    statement = {"target": (0.0, 0.0), "remainder": remainder, "exact": remainder == 0.0}
    example.supports(found, margin=margin, **statement)
    example.refutes(mistaken, **statement)
