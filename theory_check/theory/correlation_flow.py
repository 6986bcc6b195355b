"""The cosine between two inputs of a res-3 network of infinite width, independent layers (E13).

Notation
    h, h' hidden states of two inputs, c their cosine, e = 1 - c; W, V shared by the inputs, independent over layers;
    s slope of the activation, kappa = (1 + s^2)/2, Lam = sum a_k^2, gap(e) = arc(c) - c as in ``arc_kernel``.

As d -> infinity ||h||^2/d, ||h'||^2/d and <h, h'>/d follow deterministic recurrences: the squared norms grow by
1 + kappa a^2 and the product by a^2 sqrt(||h||^2 ||h'||^2) E sigma(u) sigma(v), so that

    e_{k+1} = e_k - (1 - s)^2/2 a_k^2 / (1 + kappa a_k^2) gap(e_k)          (exact at infinite width, any depth),
    de/dt   = - (1 - s)^2/2 gap(e),  0 <= t <= Lam                         (max a_k -> 0),

which for ReLU is dc/dt = (arc(c) - c)/2. A leaky activation is ReLU at speed (1 - s)^2: the identity (s = 1) keeps all
angles. c = 1 is a fixed point that is reached only as t -> infinity: gap(e) ~ (2 sqrt 2 / 3 pi) e^(3/2), hence
e ~ 18 pi^2 / ((1 - s)^4 t^2).

At large width the cosine of ``correlation_diffusion`` is c + m/d + O(1/d^(3/2)) with, c on its flow, f = kappa g the
drift of c, g = k(c) - c, G = kappa [(c^2 - 2) g - c (1 - c^2)] the part of its drift of order 1/d and B = 2 kappa (1 -
c^2)(1 - c k) its variance rate times d,

    m' = f' m + G + f'' v/2,    v' = 2 f' v + B,    w' = 3 f' w + 3 f'' v^2 + 3 B' v,

for mean m/d, variance v/d and third central moment w/d^2; the median is off by (m - w/(6 v))/d.

Source: Marion, Fermanian, Biau, Vert (2022; JMLR 2025) for the setting; Cho and Saul (2009) for the kernel.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from theory_check.foundation.arguments import check_between, check_positive
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.theory.arc_kernel import gap, squared_arc
from theory_check.theory.multiplier import layer_groups


def wide_correlations(
    correlation: float, scaling: ArrayLike, depth: int | None = None, *, slope: float = 0.0
) -> FloatArray:
    """Cosines c_0, ..., c_L at infinite width, exact at finite depth.

    Parameters
    ----------
    correlation : float
        c_0, from -1 to 1.
    scaling, depth
        The sequence of the a_k, or one value with its depth L.
    slope : float
        Slope of the activation on negative arguments.

    Returns
    -------
    float64 array, shape (L + 1,)

    Examples
    --------
    Orthogonal inputs after one layer of ReLU with a = 1 have the cosine 1/(3 pi):

    >>> wide_correlations(0.0, 1.0, 1).round(6).tolist(), round(1.0 / (3.0 * np.pi), 6)
    ([0.0, 0.106103], 0.106103)
    """
    layer_groups(scaling, depth)  # checks
    a2 = np.broadcast_to(np.asarray(scaling, dtype=np.float64), (depth or np.size(scaling),)) ** 2
    rates = (1 - slope) ** 2 / 2 * a2 / (1 + (1 + slope**2) / 2 * a2)
    deficits = np.empty(a2.size + 1)
    deficits[0] = _deficit(correlation)
    for k, rate in enumerate(rates.tolist()):
        deficits[k + 1] = deficits[k] - rate * float(gap(deficits[k]))
    return 1 - deficits


def correlation_flow(correlation: float, times: ArrayLike, *, slope: float = 0.0) -> FloatArray:
    """Limit cosine as a function of time, absolute error about 1e-11.

    Parameters
    ----------
    correlation : float
        c_0, from -1 to 1.
    times : array_like, shape (n,)
        Increasing times sum a_k^2 = t.
    slope : float
        Slope of the activation on negative arguments.

    Returns
    -------
    float64 array, shape (n,)

    Raises
    ------
    SpecificationError
        If the times do not increase from 0 on.

    Examples
    --------
    The identity keeps all angles:

    >>> correlation_flow(0.25, [0.5, 1.0], slope=1.0).round(9).tolist()
    [0.25, 0.25]
    """
    from scipy.integrate import solve_ivp

    t = np.atleast_1d(np.asarray(times, dtype=np.float64))
    if t.ndim != 1 or t.size == 0 or not np.all(np.isfinite(t)) or np.any(np.diff(t, prepend=0.0) < 0):
        raise SpecificationError("times must be an increasing sequence of non-negative numbers")
    start = _deficit(correlation)
    if t[-1] == 0 or start == 0:
        return np.full(t.shape, 1 - start)
    speed = (1 - slope) ** 2 / 2

    def velocity(_: float, e: FloatArray) -> FloatArray:
        return -speed * gap(np.clip(e, 0.0, 2.0))

    solution = solve_ivp(velocity, (0.0, float(t[-1])), [start], "DOP853", t, rtol=1e-12, atol=1e-15)
    return np.asarray(1 - solution.y[0], dtype=np.float64)


def median_shift(correlation: float, time: float, width: int, *, slope: float = 0.0) -> float:
    """Return the median of the cosine at a large width less the cosine of infinite width, to order 1/d.

    Parameters
    ----------
    correlation : float
        c_0, between -1 and 1.
    time : float
        sum a_k^2, positive; layers of finite a change it by a part of order a^2.
    width : int
        d.
    slope : float
        Slope of the activation on negative arguments.

    Returns
    -------
    float

    Examples
    --------
    Narrow networks lag behind:

    >>> round(median_shift(-0.5, 1.0, 100), 4)
    -0.0039
    """
    from scipy.integrate import solve_ivp

    kappa, part = (1 + slope**2) / 2, (1 - slope) ** 2 / (1 + slope**2)

    def velocity(_: float, state: FloatArray) -> list[float]:
        c, m, v, w = state
        sine, angle = np.sqrt(1 - c * c), np.arccos(c)
        g, first = part * float(gap(1 - c)), -part * angle / np.pi
        second = part / (np.pi * sine)
        rate = 2 * kappa * sine**2 * (sine**2 - c * g)
        turn = 2 * kappa * (-2 * c * (sine**2 - c * g) - sine**2 * (2 * c + g + c * first))
        own = kappa * ((c * c - 2) * g - c * sine**2)
        return [
            kappa * g,
            kappa * first * m + own + kappa * second * v / 2,
            2 * kappa * first * v + rate,
            3 * kappa * (first * w + second * v * v) + 3 * turn * v,
        ]

    start = [check_between("the cosine of two inputs", correlation, -0.999, 0.999), 0.0, 0.0, 0.0]
    _, m, v, w = solve_ivp(velocity, (0.0, check_positive("time", time)), start, rtol=1e-9, atol=1e-12).y[:, -1]
    return float((m - w / (6 * v)) / width)


def layer_product(correlation: float, scaling: float, width: int) -> tuple[float, float]:
    r"""Mean and variance of <h_1, h_1'> / (|h_0| |h_0'|) after one layer of ReLU, Gaussian W and V; exact.

    With unit vectors u, u' of cosine c, g = relu(W u), g' = relu(W u'): the product is c + a (<u, V g'> + <u', V g>) +
    a^2 <V g, V g'>. The mean of the last term is E <g, g'> = arc(c)/2. Terms of odd order in V vanish, and

    .. math:: \mathrm{Var} = \frac{a^2}{d} (1 + c\,\mathrm{arc}(c)) + a^4 \Bigl[\Bigl(1 + \frac1d\Bigr)
        \mathbb{E}\langle g, g'\rangle^2 + \frac1d \mathbb{E}|g|^2|g'|^2 - \frac{\mathrm{arc}(c)^2}{4}\Bigr],

    where with m = E relu(x)^2 relu(y)^2 the two means are m/d + (1 - 1/d) arc(c)^2/4 and m/d + (1 - 1/d)/4.

    Parameters
    ----------
    correlation : float
        c, from -1 to 1.
    scaling : float
        a.
    width : int
        d.

    Returns
    -------
    (float, float)

    Examples
    --------
    For equal inputs it is |h_1|^2 / |h_0|^2, of mean 1 + a^2/2:

    >>> layer_product(1.0, 1.0, 10)[0]
    1.5
    """
    deficit = _deficit(correlation)
    c, d, half = 1.0 - deficit, width, (1.0 - deficit + float(gap(deficit))) / 2.0
    fourth = float(squared_arc(c)) / d
    products, squares = fourth + (1.0 - 1.0 / d) * half**2, fourth + (1.0 - 1.0 / d) / 4.0
    first = scaling**2 / d * (1.0 + 2.0 * c * half)
    second = scaling**4 * ((1.0 + 1.0 / d) * products + squares / d - half**2)
    return c + scaling**2 * half, first + second


def _deficit(correlation: float) -> float:
    return 1 - check_between("the cosine of two inputs", correlation, -1, 1)
