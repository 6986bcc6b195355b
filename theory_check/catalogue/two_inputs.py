"""Two inputs of one network: the cosine between their hidden states (E13)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from theory_check.claims import (
    Basis,
    Check,
    Distance,
    Domain,
    Hypothesis,
    Illustration,
    Mean,
    Normal,
    Profile,
    check,
    claim,
    median,
)
from theory_check.claims.checks import higher
from theory_check.claims.domains import LAYERS, SYMMETRIC, UNIT_VARIANCE, beta_within, width_not
from theory_check.claims.networks import label
from theory_check.claims.observables import COSINE, PRODUCT, Observable, column
from theory_check.experiments.cell import Cell, Sample
from theory_check.experiments.experiment import Experiment
from theory_check.experiments.spelling import network
from theory_check.findings.pictures import Curve, HistogramPanel, Picture
from theory_check.foundation.laws import Shifted
from theory_check.foundation.stored_values import stored
from theory_check.theory.correlation_diffusion import CorrelationDiffusion, cosine_table
from theory_check.theory.correlation_flow import correlation_flow, layer_product, median_shift, wide_correlations
from theory_check.theory.correlation_steps import depth_coefficient

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_DEPTH = 100

_FINITE_DEPTH = Basis("limit law; its distance from the law at this depth, to first order in 1/L, is the remainder")

_OTHER_ENTRIES = Basis(
    "limit law for a Gaussian W; entries enter the mean kernel by their variance alone to first order in 1/d, and "
    "twice the distance of Gaussian weights from it at this depth is the remainder; dense networks are dear, so that "
    "their margin falls like the root of the precision",
    allowance=0.1,
)

_FLOW = Basis(
    "exact at this depth for infinite width, with the term of order 1/d of the diffusion; the remainder bounds what "
    "layers of finite a and the order 1/d^2 change of it, and the width grows with the profile"
)


def _network(
    weights: str, width: int, start: float, *, depth: int = _DEPTH, beta: float = 0.5, slope: float = 0.0,
    inputs: int = 2,
) -> Cell:  # fmt: skip
    return network(
        "res-3", weights, activation=f"leaky:slope={slope:g}" if slope else "relu", width=width, depth=depth, beta=beta,
        input=f"correlated:cosine={start:g}", inputs=inputs,
        kernel="reduced" if weights == "gaussian" else "dense",
    )  # fmt: skip


def law_check(deep: Cell, margin: float) -> Check:
    """Compare the law of the cosine at beta = 1/2 with that of the diffusion at time 1."""
    width, slope, start = deep.network.width, deep.network.branch.activation.negative_slope or 0.0, _start(deep)
    law, gaussian = cosine_table(width, slope, start), deep.weights.definition.gaussian
    moved = float(law.quantile(0.5)) - start
    wrong = {
        "the law of twice the width": cosine_table(2 * width, slope, start),
        "no activation": cosine_table(width, 1.0, start),
    }
    if slope:
        wrong["the slope is 0"] = cosine_table(width, 0.0, start)
    return check(
        f"{label(deep)}{f'-slope{slope:g}' if slope else ''}-cosine{start:g}-law", deep,
        f"Kolmogorov distance between $c_L$ and the law of the diffusion at time 1, $c_0 = {start:g}$",
        Distance(_cosine(deep), law), remainder=law.error + (1.0 if gaussian else 2.0) * _depth_distance(deep),
        wrong=wrong, margin=margin, basis=_FINITE_DEPTH if gaussian else _OTHER_ENTRIES,
        sized={"the cosine moves farther by {:.0%}": lambda more: Shifted(law, more * moved)},
    )  # fmt: skip


def _depth_distance(deep: Cell) -> float:
    """Bound the distance of the law of the cosine at this depth from its limit; from 10 layers on 1/L^2 is in it."""
    shape = deep.network
    slope = shape.branch.activation.negative_slope or 0.0
    return (1.0 + 10.0 / shape.depth) * depth_coefficient(shape.width, slope, _start(deep)) / shape.depth


def flow_check(deep: Cell, margin: float) -> Check:
    """Compare the median of the cosine at large width with the recursion of infinite width and its order 1/d.

    The parts of that order are about 1/d each and differ at finite depth by their share a^2; the next order is below
    5/d^2 by the law of the diffusion at widths from 25 on.
    """
    shape, start = deep.network, _start(deep)
    a, width = shape.scaling.factor(shape.depth), shape.width
    time, wide = shape.depth * a * a, float(wide_correlations(start, a, shape.depth)[-1])
    cosine = wide + median_shift(start, time, width)
    # The variance rate decreases as the angle closes: the one at the start plans for more than is needed.
    variance = time * float(CorrelationDiffusion(width).variance_rate(start))
    return check(
        f"res-3-gaussian-wide-beta{shape.scaling.beta:g}-cosine{start:g}-flow", deep,
        f"median of $c_L$ at large width, $c_0 = {start:g}$", median(_cosine(deep), Normal(cosine, variance)),
        cosine, margin=margin, basis=_FLOW, remainder=(2.0 * a * a + 5.0 / width) / width,
        wrong={"no drift": start, "twice the speed, arc(c) - c": _flow(start, 2.0 * time)},
        sized={"speed {:.0%} higher": lambda more: _flow(start, (1.0 + more) * time)},
    )  # fmt: skip


@stored
def _flow(start: float, time: float) -> float:
    """Return the limit cosine at a time."""
    return float(correlation_flow(start, [time])[0])


def _cosine(deep: Cell) -> Observable:
    """Return the cosine of the outputs of the first input and the last: each pair of inputs has one law."""
    return column("cosine_output")[deep.input.count - 1]


def _start(deep: Cell) -> float:
    start = deep.input.cosine
    assert start is not None, "only correlated inputs are in the domain"
    return start


def _is_flow(deep: Cell) -> bool:
    branch = deep.network.branch
    return branch.activation.negative_slope == 0.0 and deep.weights.definition.gaussian and deep.network.width >= 400


def _has_limit(deep: Cell) -> bool:
    """Tell whether errors of order 1/L, and of kurtosis over width, are within what the margin of a law leaves free."""
    shape = deep.network
    wide = deep.weights.definition.gaussian or (deep.weights.is_dominated_by_gaussian and shape.width >= 20)
    return shape.scaling.beta == 0.5 and shape.depth >= _DEPTH and wide


def _checks(deep: Cell, _precision: float) -> Iterator[Check]:
    # Margins have room for errors of order 1/L and 1/d and do not follow the precision.
    if _is_flow(deep):
        yield flow_check(deep, 0.05)
    else:
        yield law_check(deep, 0.04)


def _networks() -> SearchStrategy[Cell]:
    from hypothesis import strategies as st

    from theory_check.strategies import by_octaves

    starts = st.integers(-9, 9).map(lambda n: n / 10.0)
    depths = st.integers(_DEPTH, 128)
    slopes = st.sampled_from([0.0, 0.1, 0.3, 0.5, -0.2])
    narrow = st.builds(
        lambda width, start, depth, slope: _network("gaussian", width, start, depth=depth, slope=slope),
        by_octaves(2, 32), starts, depths, slopes,
    )  # fmt: skip
    three = st.builds(
        lambda width, tenths, depth: _network("gaussian", width, tenths / 10.0, depth=depth, inputs=3),
        by_octaves(3, 32), st.integers(-4, 9), depths,
    )  # fmt: skip
    others = st.builds(
        lambda law, width, start: _network(law, width, start),
        st.sampled_from(["uniform", "rademacher", "triangular"]), st.integers(20, 24),
        starts,
    )  # fmt: skip
    wide = st.builds(
        lambda width, start, depth, beta: _network("gaussian", width, start, depth=depth, beta=beta),
        st.integers(400, 800), starts, by_octaves(1, 128), st.integers(25, 100).map(lambda n: n / 100.0),
    )  # fmt: skip
    return narrow | wide | others | three


DOMAIN = Domain(
    networks=_networks,
    build=_checks,
    hypotheses=(
        *LAYERS, SYMMETRIC, UNIT_VARIANCE,
        Hypothesis("res-3", "the branch is res-3 with a slope of at most 1/2 in size",
                   lambda deep: deep.network.branch.has_inner
                   and abs(deep.network.branch.activation.negative_slope or 0.0) <= 0.5),
        Hypothesis("correlated inputs", "there are several inputs, every two of a cosine between -0.9 and 0.9",
                   lambda deep: deep.input.cosine is not None and abs(deep.input.cosine) <= 0.9),
        width_not(1, "the cosine is 1 or -1"),
        beta_within(0.2, 2.0),
        Hypothesis(
            "limit in depth or width", "beta is 1/2 and there are at least 100 layers, of Gaussian weights or of width "
            "20 or more; or the width is 400 or more, with ReLU and Gaussian weights",
            lambda deep: _is_flow(deep) or _has_limit(deep),
        ),
    ),
)  # fmt: skip


def _layer_check(start: float, precision: float) -> Check:
    """Compare the mean product of two branch values in one layer, whose variance is 1/d: wide networks, and few."""
    width, a = 400, 4.0
    deep = network(
        "res-3", "gaussian", width=width, depth=1, scale=a, input=f"correlated:cosine={start:g}", inputs=2,
        kernel="reduced",
    )  # fmt: skip
    mean, variance = layer_product(start, a, width)
    kernel = mean - start
    return check(
        f"{label(deep)}-cosine{start:g}-layer", deep,
        rf"$\mathbb{{E}}\langle h_1, h_1'\rangle/(\Vert h_0\Vert\,\Vert h_0'\Vert)$ after one layer, $a = {a:g}$",
        Mean(PRODUCT, variance), mean, margin=0.012 * precision * kernel,
        wrong={
            "the product of the branch values is smaller by 3%": start + 0.97 * kernel,
            "the cosine moves faster by 5%": start + kernel + 0.05 * (kernel - 0.5 * a * a * start),
            "the branch values are as aligned as the states": start + 0.5 * a * a * start,
        },
        sized={"the product of the branch values is larger by {:.1%}": higher(mean, kernel)},
    )  # fmt: skip


@claim(
    "E13",
    domain=DOMAIN,
    title="The cosine between two inputs",
    formula=r"dc = q\,[d(k-c) + c + c^2 k - 2k]\,dt + \sqrt{2q(1-c^2)(1-ck)}\,dB,\qquad k = \mathrm{arc}(c)"
    r"\text{ for ReLU}",
    source="Derived",
    derivation="Given both states, V g(h) and V g(h') have independent coordinates with covariances |g|^2/d and "
    "<g, g'>/d, whose means over W are q ||h||^2 and q ||h|| ||h'|| k(c). Ito's formula for the cosine. The moments of "
    "order a^4 of one layer give the term of order 1/L of the law. As d grows the noise vanishes and d (k - c) is left "
    "of the bracket. In one layer the mean of <h, h'> grows by a^2 q d ||h|| ||h'|| k(c) exactly.",
    hypotheses="Independent layers; res-3 with ReLU or leaky activation; Gaussian W at finite width (other symmetric "
    "entries up to O(1/d^2), for directions at random).",
    remarks=(r"A negative slope $s$ has the flow of ReLU at the speed $(1-s)^2$.",),
)
def two_inputs(profile: Profile) -> Iterator[Check]:
    r"""At $\beta = 1/2$ the cosine between the hidden states of two inputs tends, as $L \to \infty$, to a diffusion on
    $[-1, 1]$ at time 1; as $d \to \infty$, to the flow $\dot c = (\mathrm{arc}(c)-c)/2$.
    """
    depth = _DEPTH * profile.depth
    for weights, width, slope, start in (
        ("gaussian", 4, 0.0, -0.5),
        ("gaussian", 4, 0.0, 0.3),
        ("gaussian", 10, 0.0, -0.5),
        ("gaussian", 10, 0.0, 0.3),
        ("gaussian", 10, 0.3, -0.5),
        # Entries that are not Gaussian make the mean kernel deviate by O(1/d^2): their networks are wider.
        ("uniform", 20, 0.0, -0.5),
        ("rademacher", 20, 0.0, -0.5),
    ):
        factor = profile.precision if weights == "gaussian" else profile.precision**0.5
        yield law_check(_network(weights, width, start, depth=depth, slope=slope), 0.04 * factor)

    # At small width the cosine lags behind the flow of infinite width.
    start = -0.5
    for width, margin in ((4, 0.05), (10, 0.018)):
        deep = _network("gaussian", width, start, depth=depth)
        law = cosine_table(width, 0.0, start)
        middle = float(law.quantile(0.5))
        yield check(
            f"{label(deep)}-cosine{start:g}-median", deep, f"median of $c_L$, $c_0 = {start:g}$",
            median(COSINE, law), margin=margin * profile.precision, basis=_FINITE_DEPTH,
            remainder=_depth_distance(deep) / float(law.density(middle)),
            wrong={"the flow of infinite width": _flow(start, 1.0), "no drift": start},
            sized={"the cosine moves farther by {:.0%}": higher(middle, middle - start)},
        )  # fmt: skip

    yield _layer_check(0.0, profile.precision)

    # Large widths at the critical scaling, and below it, where the time is L^(1 - 2 beta) and angles close further.
    width = 400 * profile.depth
    for beta, start, margin in ((0.5, -0.5, 0.03), (0.5, 0.3, 0.03), (0.25, -0.5, 0.05)):
        yield flow_check(_network("gaussian", width, start, beta=beta), margin * profile.precision)


_PICTURED_WIDTHS = (4, 10)


def _pictured(profile: Profile) -> Mapping[Experiment, int]:
    return {_network("gaussian", width, -0.5, depth=_DEPTH * profile.depth): 16384 for width in _PICTURED_WIDTHS}


def _draw(samples: Sequence[Sample]) -> Picture:
    x = np.linspace(-0.995, 0.995, 300)
    flow = _flow(-0.5, 1.0)
    panels = []
    for width, sample in zip(_PICTURED_WIDTHS, samples, strict=True):
        density = cosine_table(width, 0.0, -0.5).density(x)
        curves = (
            Curve("diffusion at time 1", x, density),
            Curve("flow of infinite width", np.array([flow, flow]), np.array([0.0, float(density.max())])),
        )
        panels.append(HistogramPanel(f"Width {width}", "cosine $c_L$", COSINE([sample]), curves))
    return Picture(
        "several-inputs",
        f"Cosine between the hidden states of two inputs after {samples[0].experiment.network.depth} layers (res-3, "
        "Gaussian weights), from cosine -0.5, with the density of the limit diffusion. The flow of infinite width "
        "gives every network one value; narrow networks spread around it and lag behind.",
        tuple(panels),
    )


picture = Illustration(experiments=_pictured, draw=_draw)
