r"""Planning over nights: how many until a defect is found by accumulating evidence.

The process of :mod:`theory_check.inference.nights` mixes the nights from which a defect may be there, so that from
night s on it is at least :math:`w_s \prod_{i \ge s} e_i` with :math:`w_s = 6/(\pi^2 s^2)`. If the e-values from
night s on are independent copies of e, then for every r > 0, by Markov's inequality for :math:`\prod e_i^{-r}`,

.. math:: P\Bigl(w_s \prod_{i=s}^{s+N-1} e_i < 1/\alpha\Bigr) \le (\alpha w_s)^{-r} (E e^{-r})^N.

The number of nights is the smallest N for which the right-hand side is at most the miss rate, for the best r of a grid.
"""

from __future__ import annotations

import math
from typing import SupportsFloat, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike

from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.inference.multiplicity import restart_level, series_share
from theory_check.inference.validation import check_level, check_sample

#: Powers over which the bound is minimised; neighbours differ by less than a tenth.
_POWERS: FloatArray = 2.0 ** np.arange(-10.0, 4.01, 0.125)


def nights_to_refute(
    log_evidence: ArrayLike,
    probabilities: ArrayLike,
    *,
    alpha: SupportsFloat,
    miss: SupportsFloat,
    start: SupportsIndex = 1,
    version: SupportsIndex = 1,
) -> int:
    """Return the nights after which a defect is refuted, those with the defect, with probability at least 1 - miss.

    Parameters
    ----------
    log_evidence, probabilities : array_like
        Law of the log e-value of a night with the defect: its values and their probabilities.
    alpha : float
        Level of the claim, all versions together.
    miss : float
        Probability, at most, that the claim is not refuted by then.
    start : int
        Night of its version from which the defect is there.
    version : int
        Of the claim: later ones have less of its level.

    Returns
    -------
    int

    Raises
    ------
    SpecificationError
        If the evidence does not grow: no number of nights is promised.

    Examples
    --------
    Evidence that doubles every night needs 16 nights for 2^-16, and some for the share of the first night and version:

    >>> nights_to_refute([math.log(2.0)], [1.0], alpha=2.0**-16 * (math.pi**2 / 6.0) ** 2, miss=0.5)
    17
    """
    values, chances = check_sample("log_evidence", log_evidence), check_sample("probabilities", probabilities)
    if (
        values.shape != chances.shape
        or (chances < 0.0).any()
        or (chances > 1.0).any()
        or abs(float(chances.sum()) - 1.0) > 1e-9
    ):
        raise SpecificationError("probabilities must be one for each value of log_evidence, and add up to 1")
    level = restart_level(check_level("alpha", alpha), version)
    needed = -math.log(level) - math.log(series_share(start))
    doubt = -math.log(check_level("miss", miss))
    with np.errstate(divide="ignore"):
        log_moments = np.logaddexp.reduce(np.log(chances) - _POWERS[:, None] * values, axis=1)
    useful = log_moments < 0.0
    if not useful.any():
        raise SpecificationError("log_evidence does not grow on average: no number of nights refutes the defect")
    return math.ceil(float(((_POWERS * needed + doubt)[useful] / -log_moments[useful]).min()))
