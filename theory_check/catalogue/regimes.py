"""The catalogue: every regime, in the order of the report; ``regimes.toml`` says which claims and pictures it has."""

from __future__ import annotations

import tomllib
from importlib.resources import files

from theory_check.catalogue import (
    active_coordinates,
    balance,
    brownian_orders,
    brownian_profile,
    continuum_picture,
    contraction,
    contrasts,
    critical_exponent,
    critical_scaling,
    determinant,
    exact_means,
    explosion,
    gaussian_layers,
    gradient_law,
    gradients,
    higher_moments,
    identity,
    lognormal_limit,
    lyapunov_spectrum,
    markov_bound,
    neighbouring_gradients,
    one_layer_law,
    other_branches,
    paper_networks,
    path_orders,
    rough_diffusion,
    rough_paths,
    scaling_factors,
    schedules,
    smooth_weights,
    tangent_kernel,
    trainability,
    trained_scales,
    trained_weights,
    two_inputs,
    weight_gradients,
    weight_sums,
    wide_recursion,
)
from theory_check.claims import Claim, Regime

#: A new module is added here, and its claims and its picture to ``regimes.toml``.
MODULES = (
    active_coordinates, balance, brownian_orders, brownian_profile, continuum_picture, contraction, contrasts,
    critical_exponent, critical_scaling, determinant, exact_means, explosion, gaussian_layers, gradient_law, gradients,
    higher_moments, identity, lognormal_limit, lyapunov_spectrum, markov_bound, neighbouring_gradients, one_layer_law,
    other_branches, paper_networks, path_orders, rough_diffusion, rough_paths, scaling_factors, schedules,
    smooth_weights, tangent_kernel, trainability, trained_scales, trained_weights, two_inputs, weight_gradients,
    weight_sums, wide_recursion,
)  # fmt: skip


def _read() -> tuple[Regime, ...]:
    claims = {found.id: found for module in MODULES for found in vars(module).values() if isinstance(found, Claim)}
    pictured = [module for module in MODULES if hasattr(module, "picture")]
    pictures = {module.__name__.rpartition(".")[2]: module.picture for module in pictured}
    written = tomllib.loads(files("theory_check.catalogue").joinpath("regimes.toml").read_text(encoding="utf-8"))
    return tuple(
        Regime(
            name=regime["name"], title=regime["title"], text=" ".join(regime["text"].split()),
            formula=" ".join(regime["formula"].split()), claims=tuple(claims[id] for id in regime["claims"]),
            illustrations=tuple(pictures[name] for name in regime.get("pictures", ())),
            headline=regime.get("headline", False),
        )
        for regime in written["regime"]
    )  # fmt: skip


REGIMES = _read()


def all_claims() -> tuple[Claim, ...]:
    """Return all claims in the order of the report."""
    return tuple(claim for regime in REGIMES for claim in regime.claims)
