"""SciPy's laws for every registered weight law: the reference that tests of the laws share."""

from __future__ import annotations

import math

from scipy import stats

from theory_check.networks.weight_laws import LAWS
from theory_check.networks.weights import Weights


def _student(df):
    return stats.t(df, scale=math.sqrt((df - 2.0) / df) if df > 2.0 else 1.0)


def _truncated_normal(bound):
    return stats.truncnorm(-bound, bound, scale=1.0 / stats.truncnorm(-bound, bound).std())


def _with(law, **parameters):
    return Weights(law, tuple(parameters.items()))


#: Laws with a density, at their defaults and at other parameters.
CONTINUOUS = {
    Weights("gaussian"): stats.norm(),
    Weights("uniform"): stats.uniform(-math.sqrt(3.0), 2.0 * math.sqrt(3.0)),
    Weights("triangular"): stats.triang(0.5, -math.sqrt(6.0), 2.0 * math.sqrt(6.0)),
    Weights("exponential"): stats.expon(-1.0),
    Weights("laplace"): stats.laplace(scale=math.sqrt(0.5)),
    Weights("orthogonal"): stats.norm(),  # the row filler; the kernel makes the rows orthogonal
    Weights("truncated-normal"): _truncated_normal(2.0),
    _with("truncated-normal", bound=0.5): _truncated_normal(0.5),
    _with("truncated-normal", bound=5.0): _truncated_normal(5.0),
    Weights("student"): _student(5.0),
    _with("student", df=1.5): _student(1.5),
    _with("student", df=3.0): _student(3.0),
    _with("student", df=1000.0): _student(1000.0),
}

#: Laws with atoms: value and probability.
DISCRETE = {
    Weights("rademacher"): {-1.0: 0.5, 1.0: 0.5},
    Weights("ternary"): {0.0: 7 / 8, -math.sqrt(8.0): 1 / 16, math.sqrt(8.0): 1 / 16},
    Weights("sparse"): {0.0: 0.9, -math.sqrt(10.0): 0.05, math.sqrt(10.0): 0.05},
    _with("sparse", density=0.6): {0.0: 0.4, -math.sqrt(1 / 0.6): 0.3, math.sqrt(1 / 0.6): 0.3},
}

#: Every registered law at its defaults, and the other parameters from above.
VARIED = [*dict.fromkeys([Weights(law.name) for law in LAWS] + [*CONTINUOUS, *DISCRETE])]
