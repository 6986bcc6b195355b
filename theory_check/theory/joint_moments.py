"""Exact moments of the displacement of any order, for Gaussian weights: what variances of D^2 need.

Notation
    X = ||h_k||^2, Y = <h_k, h_0>, both with ||h_0|| = 1; D = X - 2 Y + 1 after the last layer.
    S: squared scale of a layer (see ``multiplier``), sigma = a^2 S, chi2 with d - 2 degrees of freedom, z and w
    standard normal: all independent of each other and of the layers before.

Given (X, Y), the increment of a layer is isotropic. Along h_k and along the rest of h_0 it has independent normal
coordinates z and w, so that

    X' = X [(1 + sqrt(sigma) z)^2 + sigma (w^2 + chi2)],
    Y' = Y (1 + sqrt(sigma) z) + sqrt(sigma) w sqrt(X - Y^2).

E X'^p Y'^m is therefore a polynomial in X and Y all of whose terms X^i Y^j have 2 i + j = 2 p + m: moments of one
degree follow a linear recursion of finite size, with coefficients that are polynomials in the a^2 and the moments of S.
Evaluated in decimal arithmetic, because the moments of a small displacement, D^r of order a^(2 r), cancel from all
degrees: 40 digits are left after that.

Exact for Gaussian weights; for laws of kurtosis at most 3 see the head of ``moments``, which bounds the second moments.
"""

from __future__ import annotations

import decimal
import math
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike

from theory_check.foundation.arguments import check_integer
from theory_check.foundation.stored_values import stored
from theory_check.theory.multiplier import Multiplier, layer_groups

_DIGITS = 40

#: Largest order of D: beyond, the recursion is correct but slow, and no variance needs it.
MAXIMAL_ORDER = 8

Matrix = list[list[Decimal]]


def _double_factorial(n: int) -> int:
    """Return the moment of order n of a standard normal variable: (n - 1)!! for even n, 0 for odd n."""
    return 0 if n % 2 else math.prod(range(1, n, 2))


def _chi_square_moment(degrees: int, order: int) -> int:
    """Return E (chi2_degrees)^order = degrees (degrees + 2) ...; degrees = 0 is the constant 0."""
    return math.prod(degrees + 2 * i for i in range(order))


def _scale_moments(multiplier: Multiplier, orders: int) -> list[Decimal]:
    """Return E S^k, k = 0..orders: from integers, because logarithms of gammas would leave 15 digits."""
    d, slope, gain = multiplier.width, Decimal(multiplier.slope), Decimal(multiplier.gain)
    moments = []
    for k in range(orders + 1):
        if not multiplier.has_inner:
            moments.append((gain / d) ** k)
            continue
        total = Decimal(0)
        for active in range(d + 1):
            inner = sum(
                (
                    math.comb(k, j)
                    * _chi_square_moment(active, j)
                    * _chi_square_moment(d - active, k - j)
                    * (slope ** (2 * (k - j)) if k > j else Decimal(1))
                    for j in range(k + 1)
                ),
                Decimal(0),
            )
            total += math.comb(d, active) * inner
        moments.append(total / 2**d * gain**k / Decimal(d) ** (2 * k))
    return moments


def _terms(width: int, p: int, m: int) -> Iterator[tuple[int, int, Fraction]]:
    """Yield (i, k, c) such that E X'^p Y'^m is the sum of c sigma^k X^i Y^(2 p + m - 2 i), for a fixed sigma."""
    for turns in range(0, (m if width > 1 else 0) + 1, 2):  # powers of w taken from Y'
        for squares in range(p + 1):  # X' factors that give (1 + sqrt(sigma) z)^2
            for sides in range(p - squares + 1 if width > 1 else 1):  # that give sigma w^2
                rest = p - squares - sides  # that give sigma chi2
                if rest and width <= 2:
                    continue
                ways = math.comb(m, turns) * math.comb(p, squares) * math.comb(p - squares, sides)
                ways *= _double_factorial(turns + 2 * sides) * _chi_square_moment(width - 2, rest) if width > 1 else 1
                power = 2 * squares + m - turns
                for even in range(0, power + 1, 2):
                    weight = ways * math.comb(power, even) * _double_factorial(even)
                    sigma = turns // 2 + sides + rest + even // 2
                    for b in range(turns // 2 + 1):  # (X - Y^2)^(turns/2)
                        sign = -1 if b % 2 else 1
                        yield p + turns // 2 - b, sigma, Fraction(sign * weight * math.comb(turns // 2, b))


def _transition(width: int, scale: list[Decimal], a: float, degree: int) -> Matrix:
    """Return the matrix that maps the vector of E X^i Y^(degree - 2 i), i = 0..degree/2, over one layer."""
    size = degree // 2 + 1
    matrix = [[Decimal(0)] * size for _ in range(size)]
    square = Decimal(a) * Decimal(a)
    for p in range(size):
        for i, k, c in _terms(width, p, degree - 2 * p):
            matrix[p][i] += Decimal(c.numerator) * square**k * scale[k] if k else Decimal(c.numerator)
    return matrix


def _product(left: Matrix, right: Matrix) -> Matrix:
    columns = list(zip(*right, strict=True))
    return [[sum((x * y for x, y in zip(row, column, strict=True)), Decimal(0)) for column in columns] for row in left]


def _power(matrix: Matrix, exponent: int) -> Matrix:
    size = len(matrix)
    result = [[Decimal(int(i == j)) for j in range(size)] for i in range(size)]
    while exponent:
        if exponent & 1:
            result = _product(result, matrix)
        matrix, exponent = _product(matrix, matrix), exponent >> 1
    return result


def _moments(multiplier: Multiplier, scaling: ArrayLike, depth: int | None, degree: int) -> list[Decimal]:
    """Return E X^i Y^(degree - 2 i) after the last layer, i = 0..degree/2."""
    values, counts = layer_groups(scaling, depth)
    scale = _scale_moments(multiplier, degree)
    vector = [[Decimal(1)] for _ in range(degree // 2 + 1)]
    if np.ndim(scaling) == 0:
        step = _power(_transition(multiplier.width, scale, float(values[0]), degree), int(counts[0]))
        return [row[0] for row in _product(step, vector)]
    for factor in reversed(np.asarray(scaling, dtype=np.float64).tolist()):
        vector = _product(_transition(multiplier.width, scale, factor, degree), vector)
    return [row[0] for row in vector]


def _precision(scaling: ArrayLike, order: int) -> decimal.Context:
    """Return the arithmetic in which a moment of D of that order keeps its digits."""
    largest = float(np.max(np.abs(np.asarray(scaling, dtype=np.float64))))
    lost = 2 * order * math.ceil(max(0.0, -math.log10(largest))) if largest > 0.0 else 0
    return decimal.Context(prec=_DIGITS + lost, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN)


@stored
def displacement_moment(multiplier: Multiplier, scaling: ArrayLike, depth: int | None = None, *, order: int) -> float:
    """E D^order = E (R - 2 Y + 1)^order for Gaussian weights, by the multinomial theorem.

    Parameters
    ----------
    multiplier : Multiplier
        Law of one layer.
    scaling, depth
        As for :func:`~theory_check.theory.multiplier.layer_groups`.
    order : int
        From 0 to `MAXIMAL_ORDER`.

    Returns
    -------
    float

    Raises
    ------
    SpecificationError
        If the order is out of range.

    Examples
    --------
    One linear layer has D = a^2 chi2_d / d:

    >>> displacement_moment(Multiplier(2), 1.0, 1, order=2)
    2.0
    """
    check_integer("order", order, 0, MAXIMAL_ORDER)
    with decimal.localcontext(_precision(scaling, order)):
        return float(_mixed_moment(multiplier, scaling, depth, 0, order))


def norm_displacement_moment(
    multiplier: Multiplier, scaling: ArrayLike, depth: int | None = None, *, order: int
) -> float:
    """E (R D)^order for Gaussian weights: the two together, by (R D)^order = X^order (X - 2 Y + 1)^order.

    Parameters
    ----------
    multiplier, scaling, depth
        As for :func:`displacement_moment`.
    order : int
        From 0 to half of `MAXIMAL_ORDER`.

    Returns
    -------
    float

    Raises
    ------
    SpecificationError
        If the order is out of range.

    Examples
    --------
    One linear layer of width 1, a = 1: R = (1 + z)^2 and D = z^2.

    >>> norm_displacement_moment(Multiplier(1), 1.0, 1, order=1)
    4.0
    """
    check_integer("order", order, 0, MAXIMAL_ORDER // 2)
    with decimal.localcontext(_precision(scaling, order)):
        return float(_mixed_moment(multiplier, scaling, depth, order, order))


def overlap_moment(multiplier: Multiplier, scaling: ArrayLike, depth: int | None = None, *, order: int) -> float:
    """E Y^order for Gaussian weights, Y = <h_L, h_0> / ||h_0||^2.

    Parameters
    ----------
    multiplier, scaling, depth
        As for :func:`displacement_moment`.
    order : int
        From 0 to `MAXIMAL_ORDER`.

    Returns
    -------
    float

    Raises
    ------
    SpecificationError
        If the order is out of range.

    Examples
    --------
    One linear layer of width 1, a = 1: Y = 1 + z.

    >>> overlap_moment(Multiplier(1), 1.0, 1, order=4)
    10.0
    """
    check_integer("order", order, 0, MAXIMAL_ORDER)
    with decimal.localcontext(_precision(scaling, order)):
        return float(_moments(multiplier, scaling, depth, order)[0])


def _mixed_moment(multiplier: Multiplier, scaling: ArrayLike, depth: int | None, power: int, order: int) -> Decimal:
    """Return E X^power (X - 2 Y + 1)^order, by the multinomial theorem."""
    total = Decimal(0)
    for degree in range(2 * power, 2 * (power + order) + 1):
        moments = _moments(multiplier, scaling, depth, degree)
        for i in range(min(order, degree // 2 - power) + 1):
            j = degree - 2 * (power + i)
            if i + j <= order:
                ways = math.comb(order, i) * math.comb(order - i, j)
                total += ways * Decimal(-2) ** j * moments[power + i]
    return total
