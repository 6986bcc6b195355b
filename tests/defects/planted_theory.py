"""Defects of what the claims expect: closed forms, moments, flows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from planting import Defect, all_of, around, everywhere

from theory_check.networks import covariances
from theory_check.theory import (
    bounded_branch,
    correlation_flow,
    depth_law,
    infinite_width,
    joint_moments,
    limits,
    moments,
    neighbouring_gradients,
    rough_weights,
    scalar_diffusion,
    weight_gradients,
)
from theory_check.theory.controlled_logarithm import ControlledLogarithm
from theory_check.theory.correlation_diffusion import CorrelationDiffusion


def _larger(share: float) -> Any:
    return lambda original, *args, **options: (1.0 + share) * original(*args, **options)


def _mean_alone(module: Any, mean: str, variance: str, share: float) -> Any:
    """Make a mean larger, and leave the variance that an interval needs, a second moment less the squared mean."""
    right = getattr(module, mean)

    def unchanged(original: Any, *arguments: Any) -> Any:
        # The mean may not depend on the width, the first argument of its variance.
        layer = arguments[-right.__code__.co_argcount :]
        return original(*arguments) + ((1.0 + share) ** 2 - 1.0) * right(*layer) ** 2

    return all_of(everywhere(module, mean, _larger(share)), everywhere(module, variance, unchanged))


def _larger_logarithm(patch: pytest.MonkeyPatch) -> None:
    mean = ControlledLogarithm.mean

    def larger(self: Any) -> Any:
        found = mean.__get__(self)
        return replace(found, value=1.01 * found.value)

    patch.setattr(ControlledLogarithm, "mean", property(larger))


def _deeper(original: Any, multiplier: Any, scaling: Any, depth: Any, **options: Any) -> Any:
    return original(multiplier, scaling, depth + 1, **options)


def _halved(original: Any, *args: Any) -> Any:
    found = original(*args)
    return replace(found, lower=0.5 * found.lower, upper=0.5 * found.upper)


def _less_correlated(original: Any, branch: Any, rho: Any, *args: Any, **options: Any) -> Any:
    return original(branch, np.where(np.arange(len(rho)) > 0, 0.8 * np.asarray(rho), rho), *args, **options)


def _at_the_next_lag(original: Any, hurst: Any, count: Any) -> Any:
    return np.delete(original(hurst, count + 1), 1)


THEORY: dict[str, Defect] = {
    "mean norm ratios are larger by a tenth": Defect(everywhere(moments, "norm_ratio_moment", _larger(0.1)), ("E1",)),
    "correlations drift faster by 5%": Defect(
        around(correlation_flow, "gap", _larger(0.05)), ("E13",), "tests/theory/test_correlation_flow.py"
    ),
    "sums of rough weights are larger by a tenth": Defect(
        around(rough_weights, "arc", _larger(0.1)), ("C5",), "tests/theory/test_rough_weights.py"
    ),
    "kappa is larger by 1% in the mean logarithm": Defect(_larger_logarithm, ("E4",)),
    "kappa is larger by 1% in mean displacements": Defect(
        _mean_alone(moments, "mean_displacement", "displacement_variance", 0.01), ("E1",),
        "tests/theory/test_moments.py",
    ),
    "second moments of displacements are larger by 1%": Defect(
        everywhere(moments, "displacement_second_moment", _larger(0.01)), ("E17",), "tests/theory/test_moments.py"
    ),
    "products of norm and displacement are those of a layer more": Defect(
        everywhere(joint_moments, "norm_displacement_moment", _deeper), ("E16",), "tests/theory/test_joint_moments.py"
    ),
    "mean weight gradients are larger by 7%": Defect(
        _mean_alone(weight_gradients, "mean_weight_gradient", "weight_gradient_variance", 0.07), ("N1",),
        "tests/theory/test_weight_gradients.py",
    ),
    "differences of neighbouring gradients are larger by 7%": Defect(
        _mean_alone(neighbouring_gradients, "mean_squared_difference", "squared_difference_variance", 0.07), ("N2",),
        "tests/theory/test_neighbouring_gradients.py",
    ),
    "explosion is faster by a quarter": Defect(
        everywhere(limits, "explosion_rate", _larger(0.25)), ("E7",), "tests/theory/test_limits.py"
    ),
    "the smallest singular values decay as in a symmetric spectrum": Defect(
        everywhere(limits, "singular_value_rates", lambda f, layer: f(layer) + layer.kappa / (2 * layer.width)),
        ("E20",), "tests/theory/test_limits.py",
    ),
    "angles close faster by a fifth": Defect(
        around(CorrelationDiffusion, "_excess", _larger(0.2)), ("E13",), "tests/theory/test_correlation_diffusion.py"
    ),
    "bounded branches move by a tenth more": Defect(
        everywhere(bounded_branch, "bounded_displacement",
                   lambda f, *args, **o: replace(f(*args, **o), mean=1.1 * f(*args, **o).mean)),
        ("E24",), "tests/theory/test_bounded_branch.py",
    ),
    "covariances of fractional noise are those of the next lag": Defect(
        around(covariances, "fractional_noise", _at_the_next_lag), ("E22",), "tests/networks/test_covariances.py"
    ),
    "distant layers of wide networks are correlated less by a fifth": Defect(
        everywhere(infinite_width, "wide_network", _less_correlated), ("C7", "C4"),
        "tests/theory/test_infinite_width.py",
    ),
    "the limit in one dimension starts elsewhere": Defect(
        everywhere(scalar_diffusion, "tanh_diffusion_law", lambda f, start, **o: f(1.5 * start, **o)), ("P6",),
        "tests/theory/test_scalar_diffusion.py",
    ),
    "finite-depth distances from the limit are halved": Defect(
        everywhere(depth_law, "distance_to_normal", _halved), ("E2",), "tests/theory/test_depth_law.py"
    ),
}  # fmt: skip
