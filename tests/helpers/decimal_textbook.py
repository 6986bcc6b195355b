"""Networks by the textbook in decimal arithmetic of 50 digits: plain loops over lists, nothing shared with NumPy."""

from __future__ import annotations

from decimal import Decimal, localcontext

DIGITS = 50


def exact(values):
    """Numbers of an array as decimals, without rounding; nested lists as the array is nested."""
    return [exact(part) for part in values] if getattr(values, "ndim", 0) else Decimal(float(values))


def precisely(function):
    """Run a function in decimal arithmetic of 50 digits."""

    def wrapped(*arguments):
        with localcontext() as context:
            context.prec = DIGITS
            return function(*arguments)

    return wrapped


def dot(x, y):
    return sum((a * b for a, b in zip(x, y, strict=True)), Decimal(0))


def times(matrix, x):
    return [dot(row, x) for row in matrix]


def transposed(matrix):
    return [list(column) for column in zip(*matrix, strict=True)]


def combination(weights, vectors):
    return [dot(weights, coordinates) for coordinates in zip(*vectors, strict=True)]


def activated(activation, x):
    """Values and slopes of an activation."""
    if activation.name == "tanh":
        values = [((2 * a).exp() - 1) / ((2 * a).exp() + 1) for a in x]
        return values, [1 - v * v for v in values]
    slopes = [Decimal(1) if a > 0 else Decimal(activation.negative_slope) for a in x]
    return [s * a for s, a in zip(slopes, x, strict=True)], slopes


@precisely
def forward(activation, layers, factors, h):
    """h_L and the slopes of each layer; layers are (V, W or None, b or None)."""
    slopes = []
    for (outer, inner, bias), factor in zip(layers, factors, strict=True):
        pre = h if inner is None else times(inner, h)
        pre = pre if bias is None else [a + b for a, b in zip(pre, bias, strict=True)]
        post, slope = activated(activation, pre)
        h = [a + Decimal(factor) * b for a, b in zip(h, times(outer, post), strict=True)]
        slopes.append(slope)
    return h, slopes


@precisely
def backward(layers, factors, slopes, p):
    """p_0 = (I + a W^T D V^T) ... p_L."""
    for (outer, inner, _), factor, slope in reversed(list(zip(layers, factors, slopes, strict=True))):
        pulled = [s * q for s, q in zip(slope, times(transposed(outer), p), strict=True)]
        pulled = pulled if inner is None else times(transposed(inner), pulled)
        p = [a + Decimal(factor) * b for a, b in zip(p, pulled, strict=True)]
    return p


def factor_of(vectors):
    """The lower triangular C with G = C C^T and the orthonormal basis Q (Gram and Schmidt); 0 for dependent vectors."""
    basis, rows = [], []
    for vector in vectors:
        row = [dot(q, vector) for q in basis]
        rest = [a - b for a, b in zip(vector, combination(row, basis), strict=True)] if basis else list(vector)
        square = dot(rest, rest)
        # Vectors of one active coordinate are collinear, but for the fiftieth digit.
        dependent = square <= Decimal("1e-40") * dot(vector, vector)
        length = Decimal(0) if dependent else square.sqrt()
        basis.append([Decimal(0) if dependent else a / length for a in rest])
        rows.append([*row, length])
    return rows, basis


@precisely
def images(vectors, normals, deviation):
    """A h^j for a Gaussian matrix A with A Q = deviation Z."""
    rows, _ = factor_of(vectors)
    scale = Decimal(deviation)
    return [[scale * x for x in combination(row, normals[: len(row)])] for row in rows]


@precisely
def conditional_transposes(conditions, normals, gradients, fresh, deviation):
    """A^T p^j, A conditioned on its images of the conditions: deviation Q Z^T p + (I - Q Q^T) deviation X C_P^T."""
    _, basis = factor_of(conditions)
    rows, _ = factor_of(gradients)
    scale, found = Decimal(deviation), []
    for row, gradient in zip(rows, gradients, strict=True):
        free = combination(row, fresh[: len(row)])
        weights = [dot(z, gradient) - dot(q, free) for q, z in zip(basis, normals, strict=True)]
        found.append([scale * (a + b) for a, b in zip(free, combination(weights, basis), strict=True)])
    return found
