"""Claims by a user: the names that a file of claims needs, in one import, and short spellings of networks and checks.

A file of claims is a Python module. Every :class:`~theory_check.claims.claim.Claim` among its global names is a claim,
every :class:`~theory_check.networks.weight_laws.WeightLaw` a weight law that they may name. The command line reads
it by ``theory-check run --claims FILE``; :func:`theory_check.verification.user_claims.load_claims` does so in Python.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from theory_check.claims import observables
from theory_check.claims.claim import Check, Claim, Correction, Profile, Regime, Variant
from theory_check.claims.estimators import (
    DistanceEstimator,
    Law,
    MeanEstimator,
    Observable,
    ProportionEstimator,
    QuantileEstimator,
)
from theory_check.claims.laws import LogNormal, Normal, ScaledChiSquare
from theory_check.claims.networks import cell, label
from theory_check.experiments.cell import Cell
from theory_check.foundation.errors import SpecificationError
from theory_check.networks.activations import Activation
from theory_check.networks.additions import add_law
from theory_check.networks.branches import Branch, BranchName
from theory_check.networks.inputs import Input
from theory_check.networks.weight_laws import WeightLaw

__all__ = [
    "Check",
    "Claim",
    "Correction",
    "Input",
    "LogNormal",
    "Normal",
    "Profile",
    "Regime",
    "ScaledChiSquare",
    "Variant",
    "WeightLaw",
    "add_law",
    "claim",
    "law_check",
    "mean_check",
    "median_check",
    "network",
    "observables",
    "probability_check",
]

_UNSTATED = "Not stated"


def claim(
    id: str,
    *,
    title: str = "",
    formula: str = "",
    source: str = "Own claim",
    derivation: str = _UNSTATED,
    hypotheses: str = _UNSTATED,
    corrections: tuple[Correction, ...] = (),
) -> Callable[[Callable[[Profile], Check | Iterable[Check]]], Claim]:
    """Turn a function from a profile to one check, or to several, into a claim; its docstring is the statement."""

    def build(function: Callable[[Profile], Check | Iterable[Check]]) -> Claim:
        statement = " ".join((function.__doc__ or "").split())
        if not statement:
            raise SpecificationError(f"claim {id}: state it in the docstring of {function.__name__}")

        def checks(profile: Profile) -> tuple[Check, ...]:
            made = function(profile)
            found = (made,) if isinstance(made, Check) else tuple(made)
            names = [check.name for check in found]
            if not found or len(set(names)) < len(names):
                raise SpecificationError(f"claim {id}: needs checks of different names, not {names}")
            return found

        return Claim(
            id=id,
            title=title or function.__name__.replace("_", " ").strip().capitalize(),
            statement=statement,
            formula=formula,
            source=source,
            derivation=derivation,
            hypotheses=hypotheses,
            checks=checks,
            corrections=corrections,
        )

    return build


def network(
    weights: str = "gaussian",
    *,
    branch: BranchName = "res-3",
    activation: str = "relu",
    width: int,
    depth: int,
    beta: float = 0.5,
    inputs: Input | None = None,
) -> Cell:
    """Return a network to check, all of it spelled as on the command line."""
    return cell(Branch(branch, Activation.parse(activation)), weights, width, depth, beta, inputs=inputs)


def law_check(
    network: Cell,
    law: Law,
    *,
    margin: float,
    reason: str,
    of: str | Observable = "log_norm_ratio",
    allowance: float = 0.3,
    remainder: float = 0.0,
    exact: bool = False,
    wrong: Mapping[str, Law] | None = None,
    name: str = "",
) -> Check:
    """Check the Kolmogorov distance of an observable from a predicted law.

    Parameters
    ----------
    network : Experiment
        As :func:`network` returns it.
    law : Law
        Prediction at this depth and width.
    margin, reason : float, str
        Distance that counts as agreement, and why it is that large.
    of : str or callable
        A column of the sample, or a function of samples.
    allowance : float
        Part of the margin that is left to an error of the prediction without a proven bound.
    remainder, exact : float, bool
        A proven bound of that error; whether there is none.
    wrong : mapping
        Laws that must be refuted on the same sample, by what they say; two tilted laws come by themselves.
    name : str
        Point of the claim's grid; default: network and observable.
    """
    what, observable, observed = _observed(network, of)
    return Check(
        name=name or f"{label(network)}-{what}-law",
        experiments=(observed,),
        quantity=f"Kolmogorov distance between {what.replace('-', ' ')} and the predicted law",
        estimator=DistanceEstimator(observable, law),
        target=(0.0, 0.0),
        margin=margin,
        margin_reason=reason,
        remainder=remainder,
        exact=exact,
        allowance=0.0 if exact else allowance,
        variants=tuple(
            Variant(text, estimator=DistanceEstimator(observable, other)) for text, other in (wrong or {}).items()
        ),
    )


def median_check(
    network: Cell,
    law: Law,
    *,
    margin: float,
    reason: str,
    of: str | Observable = "log_norm_ratio",
    allowance: float = 0.3,
    exact: bool = False,
    wrong: Mapping[str, float] | None = None,
    name: str = "",
) -> Check:
    """Check the median of an observable against that of a law, which also plans the sample; see :func:`law_check`."""
    what, observable, observed = _observed(network, of)
    median = float(law.quantile(0.5))
    return Check(
        name=name or f"{label(network)}-{what}-median",
        experiments=(observed,),
        quantity=f"median of {what.replace('-', ' ')}",
        estimator=QuantileEstimator(observable, 0.5, law),
        target=(median, median),
        margin=margin,
        margin_reason=reason,
        exact=exact,
        allowance=0.0 if exact else allowance,
        variants=_values(wrong),
    )


def probability_check(
    network: Cell,
    probability: float,
    *,
    lower: float = -float("inf"),
    upper: float = float("inf"),
    margin: float,
    reason: str,
    of: str | Observable = "log_norm_ratio",
    allowance: float = 0.3,
    exact: bool = False,
    wrong: Mapping[str, float] | None = None,
    name: str = "",
) -> Check:
    """Check the probability that an observable lies between two numbers; see :func:`law_check`."""
    what, observable, observed = _observed(network, of)
    return Check(
        name=name or f"{label(network)}-{what}-probability",
        experiments=(observed,),
        quantity=f"probability that {what.replace('-', ' ')} lies in [{lower:.3g}, {upper:.3g}]",
        estimator=ProportionEstimator(observables.Between(observable, lower, upper)),
        target=(probability, probability),
        margin=margin,
        margin_reason=reason,
        exact=exact,
        allowance=0.0 if exact else allowance,
        variants=_values(wrong),
    )


def mean_check(
    network: Cell,
    mean: float,
    *,
    variance_bound: float,
    margin: float,
    reason: str,
    of: str | Observable,
    allowance: float = 0.3,
    exact: bool = False,
    wrong: Mapping[str, float] | None = None,
    name: str = "",
) -> Check:
    """Check a mean; without a proven bound on the variance no finite sample could: see :func:`law_check`."""
    what, observable, observed = _observed(network, of)
    return Check(
        name=name or f"{label(network)}-{what}-mean",
        experiments=(observed,),
        quantity=f"mean of {what.replace('-', ' ')}",
        estimator=MeanEstimator(observable, variance_bound),
        target=(mean, mean),
        margin=margin,
        margin_reason=reason,
        exact=exact,
        allowance=0.0 if exact else allowance,
        variants=_values(wrong),
    )


def _observed(network: Cell, of: str | Observable) -> tuple[str, Observable, Cell]:
    """Return a name of the observable, the observable, and the network with gradients if it is a column of theirs."""
    if not isinstance(of, str):
        return getattr(of, "__name__", type(of).__name__).lower().replace("_", "-"), of, network
    backward = "gradient" in of or of.startswith("pairing")
    return of.replace("_", "-"), observables.Column(of), replace(network, gradients=network.gradients or backward)


def _values(wrong: Mapping[str, float] | None) -> tuple[Variant, ...]:
    return tuple(Variant(text, (value, value)) for text, value in (wrong or {}).items())
