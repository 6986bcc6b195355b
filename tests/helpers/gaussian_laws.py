"""Exact tests that independent paths have a given Gaussian law.

A covariance C = Q diag(s) Q^T turns paths X, one a row, into scores Z = X Q / sqrt(s), independent standard normal
numbers if and only if the paths are independent and normal with that covariance. All checks are of these scores, or of
single directions a: sum_i (a . X_i)^2 / (a^T C a) is chi-square with as many degrees of freedom as there are paths.
"""

from __future__ import annotations

import numpy as np
from scipy import special, stats

from theory_check.inference.intervals import kolmogorov_interval

#: Scores of directions with less of the variance than this are left out: there, roundings to single precision (relative
#: variance 2^-48 / 3) are more than a thousandth of the variance of the scores.
NOISE = 1e-11


def outside_chi_square(totals, degrees, alpha):
    """Whether sums of squares lie in the tails of their exact law, probability alpha / 2 each."""
    return np.minimum(special.chdtr(degrees, totals), special.chdtrc(degrees, totals)) < alpha / 2


def principal(covariance):
    """Variances and directions, the columns, that stand out of the roundings."""
    variances, directions = np.linalg.eigh(covariance)
    kept = variances > NOISE * variances[-1]
    return variances[kept], directions[:, kept]


def failures(paths, covariance, *, alpha, others=()):
    """Names of the exact checks that reject "the rows are independent N(0, covariance)"; alpha bounds them together.

    ``others`` are covariances to tell from this one: the checks look along the directions in which the ratio of the two
    variances is largest and smallest, on the logarithmic scale at least half as far from 1 as it gets.
    """
    paths = np.asarray(paths, np.float64)
    count, layers = paths.shape
    variances, directions = principal(covariance)
    scores = paths @ directions / np.sqrt(variances)
    norms = np.sum(scores**2, axis=1)
    share = alpha / (5 + 2 * len(others))
    found = []
    if outside_chi_square(norms.sum(), scores.size, share):
        found.append("total")
    if kolmogorov_interval(scores.ravel(), stats.norm.cdf, alpha=share).lower > 0.0:
        found.append("scores")
    if kolmogorov_interval(norms, stats.chi2(scores.shape[1]).cdf, alpha=share).lower > 0.0:
        found.append("norms")
    variances_of_layers = np.diag(covariance)
    if np.any(outside_chi_square(np.sum(paths**2, axis=0) / variances_of_layers, count, share / layers)):
        found.append("variances")
    # Covariances with the first and the last layer, from the variance of the sum of the two layers.
    for end in (0, layers - 1):
        sums = np.sum((paths + paths[:, end : end + 1]) ** 2, axis=0)
        expected = variances_of_layers + covariance[end, end] + 2.0 * covariance[end]
        known = expected > NOISE
        if np.any(outside_chi_square(sums[known] / expected[known], count, share / (2 * layers))):
            found.append(f"covariances with layer {end}")
    for number, other in enumerate(others):
        ratio, turned = np.linalg.eigh(_whitened(other, variances, directions))
        contrasts = scores @ turned
        # Directions that say little would dilute those that say much.
        size = np.log(np.maximum(ratio, NOISE))
        for side, chosen in (("wider", size > size.max() / 2), ("narrower", size < size.min() / 2)):
            if chosen.any() and outside_chi_square(np.sum(contrasts[:, chosen] ** 2), count * chosen.sum(), share):
                found.append(f"{side} {number}")
    return found


def _whitened(covariance, variances, directions):
    scaled = directions / np.sqrt(variances)
    return scaled.T @ covariance @ scaled


def correlation_failure(first, second, *, alpha):
    """Whether normal samples of independent variables would correlate as much: the exact t test."""
    x, y = (np.asarray(v, np.float64).ravel() for v in (first, second))
    r = np.corrcoef(x, y)[0, 1]
    if abs(r) > 1.0 - 1e-12:
        return True
    statistic = abs(r) * np.sqrt((x.size - 2) / (1.0 - r * r))
    return bool(2.0 * stats.t(x.size - 2).sf(statistic) < alpha)
