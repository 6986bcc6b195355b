"""Multilevel Monte Carlo: expectations in the limit of infinite depth from networks of many depths (P6, E14).

Notation
    f_l: the observable at level l, depth L_l = 2^l L; Y_0 = f_0, Y_l = f_l - f_{l-1} from one Brownian motion, sampled
    n_l times at a cost of C_l each; V_l = Var Y_l. Levels are independent of each other.

    E f_J = sum_l E Y_l,   variance of its estimate sum_l V_l / n_l,   cost sum_l n_l C_l.

Allocation. For a standard error eps the cost is least at n_l = eps^-2 sqrt(V_l / C_l) sum_k sqrt(V_k C_k) (Giles,
*Multilevel Monte Carlo path simulation*, Operations Research 56 (2008) 607-617). With strong order 1/2, V_l falls like
1/L_l as C_l grows, and the cost is eps^-2 (log eps)^2 instead of the eps^-3 of networks of one depth.

Statistical error. With *proved* bounds of the V_l, Catoni's interval of each level, added up: valid at every sample
size, and wider than the root of the sum of squares by up to the root of the number of levels. Without, the normal
interval of estimated variances, which is asymptotic and says so in its ``method``. Sizes n_l come from a pilot that
takes no part in the estimate.

Bias. If E f - E f_l = c L_l^-w with weak order w, then E f - E f_J = E Y_J / (2^w - 1). The bound takes the end of an
interval of E Y_J that is farther from 0. It holds once the order has set in, which no sample can prove.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from theory_check.errors import SpecificationError
from theory_check.euler_maruyama import EulerMaruyama
from theory_check.inference.intervals import Interval, mean_interval
from theory_check.inference.validation import check_count, check_level, check_positive
from theory_check.initializations import Weights
from theory_check.kernels import LANES
from theory_check.networks import Input, Network
from theory_check.runner import Unit, available_threads, simulate_blocks

FloatArray = NDArray[np.float64]

#: ``draw(level, first, count)``: values ``first`` to ``first + count - 1`` of f_l and of f_{l-1} (0 at level 0).
Draw = Callable[[int, int, int], tuple[FloatArray, FloatArray]]

#: f of the columns of one level, each of shape (replicates,).
Observable = Callable[[Mapping[str, FloatArray]], FloatArray]


@dataclass(frozen=True)
class LevelSampler:
    """Where the levels come from.

    Attributes
    ----------
    draw : callable
        See :data:`Draw`.
    costs : tuple of float
        C_l, in any unit.
    plain_cost : float
        Cost of one value of f_J without its coarser neighbour.
    """

    draw: Draw
    costs: tuple[float, ...]
    plain_cost: float

    def __post_init__(self) -> None:
        if len(self.costs) < 2:
            raise SpecificationError(f"costs are {self.costs!r}; a multilevel estimate needs two levels or more")
        for cost in (*self.costs, self.plain_cost):
            check_positive(cost, "cost")


@dataclass(frozen=True)
class LevelEstimate:
    """One level: the interval of E Y_l, the sample variance of Y_l, n_l, and the cost of its sample and its pilot."""

    interval: Interval
    variance: float
    replicates: int
    cost: float


@dataclass(frozen=True)
class MultilevelEstimate:
    """An expectation in the limit.

    Attributes
    ----------
    statistical : Interval
        Of E f_J, the finest level; its method says whether it is asymptotic.
    bias : float
        Bound of abs(E f - E f_J) by extrapolation.
    interval : Interval
        Of E f: both together.
    levels : tuple of LevelEstimate
    plain_variance : float
        Sample variance of f_J.
    plain_cost : float
        Cost of a sample of f_J alone with the same standard error.
    """

    statistical: Interval
    bias: float
    interval: Interval
    levels: tuple[LevelEstimate, ...]
    plain_variance: float
    plain_cost: float

    @property
    def estimate(self) -> float:
        """Sum of the means of all levels."""
        return self.statistical.estimate

    @property
    def cost(self) -> float:
        """Cost of all levels with their pilots."""
        return math.fsum(level.cost for level in self.levels)

    @property
    def standard_error(self) -> float:
        """Root of the sum of V_l / n_l, with sample variances."""
        return math.sqrt(math.fsum(level.variance / level.replicates for level in self.levels))

    @property
    def saving(self) -> float:
        """Cost of a plain sample of the finest level with the same standard error, over the cost of all levels."""
        return self.plain_cost / self.cost


def allocate(
    variances: Sequence[float], costs: Sequence[float], standard_error: float, *, least: int = 2
) -> tuple[int, ...]:
    """Return the numbers n_l that reach a standard error at the least cost, none below ``least``."""
    work = math.fsum(math.sqrt(v * c) for v, c in zip(variances, costs, strict=True))
    sizes = [math.sqrt(v / c) * work / standard_error**2 for v, c in zip(variances, costs, strict=True)]
    return tuple(max(least, math.ceil(size)) for size in sizes)


def _normal_interval(mean: float, variance: float, alpha: float) -> Interval:
    from scipy.special import ndtri

    radius = -float(ndtri(alpha / 2.0)) * math.sqrt(variance)
    return Interval(mean, mean - radius, mean + radius, alpha, "normal approximation, asymptotic")


def _sum_interval(parts: Sequence[Interval], alpha: float) -> Interval:
    """Interval of a sum from simultaneous ones."""
    estimate, lower, upper = (math.fsum(getattr(p, end) for p in parts) for end in ("estimate", "lower", "upper"))
    return Interval(estimate, lower, upper, alpha, f"{parts[0].method}, summed over levels")


def multilevel_estimate(
    sampler: LevelSampler,
    *,
    standard_error: float,
    alpha: float,
    weak_order: float = 1.0,
    variance_bounds: Sequence[float] | None = None,
    pilot: int = 256,
) -> MultilevelEstimate:
    """Estimate E f in the limit of infinite depth.

    Parameters
    ----------
    sampler : LevelSampler
    standard_error : float
        Wanted, of the sum of sample means; with variance bounds it is at most that, else as far as the pilot tells.
    alpha : float
        Error probability of ``interval``: half for the statistical interval, half for the one behind the bias.
    weak_order : float
        w, known.
    variance_bounds : sequence of float, optional
        Proved bounds of V_l for every level. There is no pilot then.
    pilot : int
        Values of each level from which its variance is estimated.
    """
    alpha = check_level(alpha)
    eps, order = check_positive(standard_error, "standard_error"), check_positive(weak_order, "weak_order")
    costs, last = sampler.costs, len(sampler.costs) - 1
    if variance_bounds is not None:
        if len(variance_bounds) != len(costs):
            raise SpecificationError(f"got {len(variance_bounds)} variance bounds for {len(costs)} levels")
        known, spent = [check_positive(bound, "variance bound") for bound in variance_bounds], 0
    else:
        spent = check_count(pilot, "pilot", minimum=2)
        known = [float(np.var(np.subtract(*sampler.draw(level, 0, spent)), ddof=1)) for level in range(last + 1)]
    levels: list[LevelEstimate] = []
    part = alpha / (2 * len(costs))
    # Catoni's interval is finite above 2 ln(2/alpha) values; at four times as many it is narrower than a deviation.
    least = 2 if variance_bounds is None else math.ceil(8.0 * math.log(2.0 / part))
    for level, size in enumerate(allocate(known, costs, eps, least=least)):
        fine, coarse = sampler.draw(level, spent, size)
        values = fine - coarse
        variance = float(np.var(values, ddof=1))
        if variance_bounds is None:
            interval = _normal_interval(float(np.mean(values)), variance / size, part)
        else:
            interval = mean_interval(values, variance_bound=known[level], alpha=part)
        levels.append(LevelEstimate(interval, variance, size, costs[level] * (size + spent)))
    if variance_bounds is None:
        total = math.fsum(level.variance / level.replicates for level in levels)
        statistical = _normal_interval(math.fsum(level.interval.estimate for level in levels), total, alpha / 2)
    else:
        statistical = _sum_interval([level.interval for level in levels], alpha / 2)
    finest = levels[last].interval
    bias = max(abs(finest.lower), abs(finest.upper)) / (2.0**order - 1.0)
    both = replace(
        statistical, lower=statistical.lower - bias, upper=statistical.upper + bias, level=alpha,
        method=f"{statistical.method}, with extrapolated bias",
    )  # fmt: skip
    plain_variance = float(np.var(fine, ddof=1))
    reached = math.fsum(level.variance / level.replicates for level in levels)
    plain_cost = plain_variance / reached * sampler.plain_cost if reached > 0.0 else 0.0
    return MultilevelEstimate(statistical, bias, both, tuple(levels), plain_variance, plain_cost)


def brownian_levels(
    network: Network,
    levels: int,
    observable: Observable,
    *,
    seed: int,
    weights: Weights = Weights(),  # noqa: B008 - a frozen value
    input: Input = Input(),  # noqa: B008 - the name it has everywhere; a frozen value
    threads: int | None = None,
) -> LevelSampler:
    """Return the levels of a network whose depth is doubled, driven by one Brownian motion.

    Parameters
    ----------
    network : Network
        The coarsest: linear or res-1, a_L = L^(-1/2).
    levels : int
        J + 1.
    observable : callable
        f of the columns ``log_norm_ratio`` and ``projection`` of a level.
    seed : int
        Root seed.
    weights, input
        As of :class:`~theory_check.euler_maruyama.EulerMaruyama`.
    threads : int, optional
        Default: all processors this process may use. Values do not depend on it.
    """

    def pair(level: int) -> EulerMaruyama:
        coarse = replace(network, depth=network.depth << max(level - 1, 0))
        return EulerMaruyama(network=coarse, doublings=min(level, 1), weights=weights, input=input, replicates=LANES)

    def draw(level: int, first: int, count: int) -> tuple[FloatArray, FloatArray]:
        from concurrent.futures import ThreadPoolExecutor

        blocks = range(first // LANES, -(-(first + count) // LANES))
        units = [Unit(pair(level), seed, block, block + 1) for block in blocks]
        with ThreadPoolExecutor(threads or available_threads()) as pool:
            parts = [values for values, _ in pool.map(simulate_blocks, units)]
        begin = first - blocks.start * LANES
        names = ("log_norm_ratio", "projection")
        columns = {n: np.concatenate([part[n] for part in parts])[begin : begin + count] for n in names}
        finer, coarser = ({name: column[:, which] for name, column in columns.items()} for which in (-1, 0))
        fine = np.asarray(observable(finer), dtype=np.float64)
        return fine, np.asarray(observable(coarser), dtype=np.float64) if level else np.zeros_like(fine)

    check_count(levels, "number of levels", minimum=2)
    costs = tuple(pair(level).draws_per_block / LANES for level in range(levels))
    finest = EulerMaruyama(
        network=replace(network, depth=network.depth << (levels - 1)), doublings=0, weights=weights, input=input,
        replicates=LANES,
    )  # fmt: skip
    return LevelSampler(draw, costs, finest.draws_per_block / LANES)
