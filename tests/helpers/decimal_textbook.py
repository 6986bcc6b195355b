"""Networks, training and sums by the textbook in decimal arithmetic of 50 digits: plain loops over lists."""

from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np

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


def arctangent(x):
    """By the half angle until the series of powers is short."""
    halvings = 0
    while abs(x) > Decimal("0.1"):
        x, halvings = x / (1 + (1 + x * x).sqrt()), halvings + 1
    return 2**halvings * sum((Decimal((-1) ** k) * x ** (2 * k + 1) / (2 * k + 1) for k in range(26)), Decimal(0))


def arcsine(x):
    return 2 * arctangent(x / (1 + (1 - x * x).sqrt()))


def half_turn():
    """The number pi."""
    return 4 * arctangent(Decimal(1))


def cosine(x):
    """Of an angle of at most two turns."""
    total, term = Decimal(0), Decimal(1)
    for k in range(1, 60):
        total, term = total + term, -term * x * x / (2 * k * (2 * k - 1))
    return total


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


@precisely
def jacobian(layers, factors, slopes):
    """dh_L/dh_0 by rows: the product of all I + a V D W."""
    width = len(layers[0][0])
    rows = [[Decimal(i == j) for j in range(width)] for i in range(width)]
    for (outer, inner, _), factor, slope in zip(layers, factors, slopes, strict=True):
        bent = rows if inner is None else [combination(row, rows) for row in inner]
        bent = [[s * x for x in row] for s, row in zip(slope, bent, strict=True)]
        moved = [combination(row, bent) for row in outer]
        rows = [[x + Decimal(factor) * y for x, y in zip(*pair, strict=True)] for pair in zip(rows, moved, strict=True)]
    return rows


@precisely
def log_symmetric(rows):
    """log e_k of the squared singular values, k = 1 .. width: the power sums of A^T A by Newton's identities."""
    columns = transposed(rows)
    square = [[dot(x, y) for y in columns] for x in columns]
    power, traces, found = square, [], [Decimal(1)]
    for k in range(1, len(rows) + 1):
        traces.append(sum(power[i][i] for i in range(len(rows))))
        found.append(sum((-1) ** j * found[k - 1 - j] * traces[j] for j in range(k)) / k)
        power = [combination(row, square) for row in power]
    return [float(x.ln()) for x in found[1:]]


def loss_gradient(answers, label, square):
    """The gradient of the loss of one example in its answers."""
    shares = answers if square else [x.exp() for x in answers]
    total = 1 if square else sum(shares)
    return [x / total - (c == label) for c, x in enumerate(shares)]


@precisely
def training_gradients(parameters, activation, batch, labels, square):
    """The gradient of the mean loss in every parameter, example by example; V is the identity where there is none."""
    names = ("outer", "inner", "entry", "readout", "scaling")
    outers, inners, entry, readout, factors = (parameters[name] for name in names)
    found = {name: [] for name in names}
    for x, label in zip(batch, labels, strict=True):
        hidden, kept = times(entry, x), []
        for k, factor in enumerate(factors):
            post, slope = activated(activation, times(inners[k], hidden) if inners else hidden)
            kept.append((hidden, post, slope))
            moved = times(outers[k], post) if outers else post
            hidden = [a + factor * b for a, b in zip(hidden, moved, strict=True)]
        delta = loss_gradient(times(readout, hidden), label, square)
        one = {"outer": [], "inner": [], "scaling": [], "readout": [d * h for d in delta for h in hidden]}
        back = times(transposed(readout), delta)
        for k in range(len(factors) - 1, -1, -1):
            below, post, slope = kept[k]
            pulled = times(transposed(outers[k]), back) if outers else back
            one["scaling"] = [dot(pulled, post), *one["scaling"]]
            one["outer"] = [*(factors[k] * p * g for p in back for g in post if outers), *one["outer"]]
            through = [s * q for s, q in zip(slope, pulled, strict=True)]
            one["inner"] = [*(factors[k] * q * h for q in through for h in below if inners), *one["inner"]]
            through = times(transposed(inners[k]), through) if inners else through
            back = [p + factors[k] * q for p, q in zip(back, through, strict=True)]
        one["entry"] = [p * a for p in back for a in x]
        for name in names:
            found[name].append(one[name])
    return {name: [sum(entries) / len(batch) for entries in zip(*parts, strict=True)] for name, parts in found.items()}


@precisely
def moved(optimiser, start, gradients, scale, rate):
    """Weights after updates by these gradients, times a scale: descent, momentum .9, Adam with .9, .999 and 1e-8."""
    found, rate = [], Decimal(rate)
    kept, square_kept, epsilon = (exact(np.float64(constant)) for constant in (0.9, 0.999, 1e-8))
    for weight, column in zip(exact(start), transposed(exact(gradients)), strict=True):
        mean = square = Decimal(0)
        for step, gradient in enumerate(column, start=1):
            slope = Decimal(scale) * gradient
            if optimiser == "adam":
                mean = kept * mean + (1 - kept) * slope
                square = square_kept * square + (1 - square_kept) * slope * slope
                root = (square / (1 - square_kept**step)).sqrt()
                weight -= rate * mean / (1 - kept**step) / (root + epsilon)
            else:
                mean = (kept * mean if optimiser == "momentum" else 0) + slope
                weight -= rate * mean
        found.append(float(weight))
    return found


@precisely
def bet_path(values, mean, fractions):
    """Log of the average of prod (1 - c + c x/m) over fractions c, after every value."""
    capitals, path = [Decimal(1)] * len(fractions), []
    for x in exact(values):
        capitals = [w * (1 - c + c * x / Decimal(mean)) for w, c in zip(capitals, exact(fractions), strict=True)]
        path.append(float((sum(capitals) / len(capitals)).ln()))
    return np.array(path)


@precisely
def tilt_path(values, mean, variance_bound, tilts):
    """Log of the average of prod exp(psi(l (x - m))) / (1 + l^2 v/2) over tilts l, after every value."""
    capitals, path = [Decimal(1)] * len(tilts), []
    for x in exact(values):
        for k, tilt in enumerate(exact(tilts)):
            z = tilt * (x - Decimal(mean))
            growth = 1 + abs(z) + z * z / 2
            capitals[k] *= (growth if z >= 0 else 1 / growth) / (1 + tilt * tilt * Decimal(variance_bound) / 2)
        path.append(float((sum(capitals) / len(capitals)).ln()))
    return np.array(path)


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
