"""Relations that hold in law: two samplers of one law, drawn networks, and a near sampler of another law.

Each is judged by an interval of the Kolmogorov distance between two simulated samples, so that no formula of the theory
takes part: what these properties find is wrong with a kernel, a weight law, a process or an input.
"""

from __future__ import annotations

import math
from functools import partial, reduce

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties import drawn
from scipy import integrate, stats

from theory_check import strategies
from theory_check.experiments.spelling import network
from theory_check.networks.activations import Activation
from theory_check.networks.additions import add_input, temporary_additions
from theory_check.networks.branches import Branch
from theory_check.networks.inputs import InputLaw
from theory_check.simulation.runner import simulate

pytestmark = pytest.mark.statistical

EXAMPLES = 4

#: Laws of independent entries that are quick to draw, by what sets them apart: atoms, tails, skewness.
LAWS = ("gaussian", "uniform", "rademacher", "triangular", "ternary", "laplace", "exponential")
SYMMETRIC = LAWS[:-1]

LINEAR, RELU, LEAKY = Branch("linear"), Branch("res-3"), Branch("res-3", Activation("leaky", 0.3))
#: Branches whose layer multiplies the norm by one law, whatever the direction, under Gaussian weights.
CLOSED = (LINEAR, RELU, LEAKY)
#: Gaussian matrices on either side of the activation see of h its length only.
ISOTROPIC = (*CLOSED, Branch("res-2", Activation("tanh")), Branch("res-3", Activation("tanh")))


def _on_first(vectors):
    """sqrt(d) times the first unit vector."""
    return np.where(np.arange(len(vectors))[:, None] == 0, math.sqrt(len(vectors)), 0.0) * np.ones_like(vectors)


def _ramp(vectors):
    """1, -2, 3, ... scaled to the length sqrt(d)."""
    signed = np.arange(1.0, len(vectors) + 1.0) * np.where(np.arange(len(vectors)) % 2, -1.0, 1.0)
    return np.ones_like(vectors) * (signed * math.sqrt(len(vectors)) / np.linalg.norm(signed))[:, None]


@pytest.fixture(scope="module", autouse=True)
def _fixed_inputs():
    with temporary_additions():
        add_input(InputLaw(name="first", summary="on the first axis", hidden=_on_first, single=True))
        add_input(InputLaw(name="ramp", summary="1, -2, 3, ...", hidden=_ramp, single=True))
        add_input(InputLaw(name="turned", summary="..., 3, -2, 1", hidden=lambda v: _ramp(v)[::-1], single=True))
        yield


def sampler(column, *parts, **options):
    """A sampler of a ratio of norms of a network, by the name of the column that holds its logarithm."""
    made = network(*parts, **{"depth": 1, "gradients": "gradient" in column, **options})

    def sample(rng, n):
        return np.exp(simulate(made, n, int(rng.integers(2**63)), threads=1).column(column))

    return sample


def product(*samplers):
    """A sampler of a product of independent ratios."""

    def sample(rng, n):
        return reduce(np.multiply, (one(rng, n) for one in samplers))

    return sample


def assert_same_law(example, first, second, wrong, *, margin=0.1, remainder=0.0):
    """Support that two samplers have one law, and refute it of two others, a near mistake."""
    example.same_law(
        first, second, margin=margin, remainder=remainder, exact=remainder == 0.0, wrong={"a near mistake": wrong}
    )


R, D, R_BACK, D_BACK = "log_norm_ratio", "log_displacement", "log_gradient_ratio", "log_gradient_displacement"
factors = st.integers(7, 12).map(lambda n: n / 10)


@drawn(EXAMPLES)
@given(st.sampled_from(ISOTROPIC), st.integers(2, 10), st.integers(1, 3), factors, st.sampled_from([R, D]))
def test_gaussian_networks_see_no_direction(evidence, branch, width, depth, a, column):
    with evidence.share(branch, width, depth, a, column, examples=EXAMPLES) as example:
        of = partial(sampler, column, branch, width=width, depth=depth, scale=a, kernel="dense")
        # Random signs see one: what V adds to the first axis has the same length for all V.
        signs = partial(sampler, D, LINEAR, "rademacher", width=width, scale=a)
        wrong = signs(input="first"), signs(input="ramp")
        assert_same_law(example, of(input="first"), of(input="ramp"), wrong)


@drawn(EXAMPLES)
@given(
    strategies.branches(), st.sampled_from(LAWS), st.integers(2, 12), st.integers(1, 3), factors,
    st.sampled_from([R, D]),
)  # fmt: skip
def test_coordinates_are_exchangeable(evidence, branch, law, width, depth, a, column):
    with evidence.share(branch, law, width, depth, a, column, examples=EXAMPLES) as example:
        of = partial(sampler, column, branch, law, width=width, depth=depth, scale=a)
        # The same length, spread over the coordinates in another way.
        signs = partial(sampler, D, LINEAR, "rademacher", width=width, scale=a)
        wrong = signs(input="ones"), signs(input="first")
        assert_same_law(example, of(input="ramp"), of(input="turned"), wrong)


@drawn(EXAMPLES)
@given(
    st.sampled_from(CLOSED), st.integers(6, 12), st.lists(st.integers(0, 3), min_size=3, max_size=3),
    st.sampled_from(["dense", "reduced"]), st.sampled_from([R, R_BACK]),
)  # fmt: skip
def test_norms_forget_the_order_of_the_layers_under_gaussian_weights(evidence, branch, width, small, kernel, column):
    """Multipliers are independent whatever the direction: their product is the same backwards, forth and back.

    The gradient norm has the law of the norm (E16), through the layers in reverse.
    """
    schedule = (1.2, *(n / 10 for n in small))
    with evidence.share(branch, width, schedule, kernel, column, examples=EXAMPLES) as example:
        of = partial(sampler, width=width, depth=4, kernel=kernel)
        # The sum of the factors decides nothing, the sum of their squares does.
        flat = of(R, branch, scale=[sum(schedule) / 4] * 4)
        first = of(R, branch, scale=schedule)
        assert_same_law(example, first, of(column, branch, scale=schedule[::-1]), (first, flat), margin=0.08)


@drawn(EXAMPLES)
@given(st.sampled_from([LINEAR, LEAKY]), st.integers(6, 12), st.sampled_from([(1, 1), (1, 2)]), factors,
       st.sampled_from(["dense", "reduced"]))  # fmt: skip
def test_depths_compose(evidence, branch, width, depths, a, kernel):
    with evidence.share(branch, width, depths, a, kernel, examples=EXAMPLES) as example:
        of = partial(sampler, R, branch, width=width, scale=a, kernel=kernel)
        parts = product(*(of(depth=depth) for depth in depths))
        assert_same_law(example, of(depth=sum(depths)), parts, (of(depth=sum(depths) + 1), parts), margin=0.08)


@drawn(EXAMPLES)
@given(
    st.sampled_from(CLOSED), st.sampled_from(SYMMETRIC), st.integers(5, 12), st.integers(1, 2), factors, st.booleans()
)
def test_gradients_have_the_law_of_states(evidence, branch, law, width, depth, a, moved):
    """J and its transpose have one law (E16), if V and W have one: not the kernel's, that of independent Jacobians."""
    columns = (D, D_BACK) if moved else (R, R_BACK)
    with evidence.share(branch, law, width, depth, a, moved, examples=EXAMPLES) as example:
        forth, back = (partial(sampler, name, branch, law, width=width, scale=a) for name in columns)
        # A backward pass that misses a layer.
        wrong = forth(depth=depth), back(depth=depth + 1)
        assert_same_law(example, forth(depth=depth), back(depth=depth), wrong, margin=0.08)


def distance_to_normal(law):
    """Total variation distance of a law of unit variance from the standard normal."""
    points = np.linspace(-12.0, 12.0, 200_001)
    return 0.5 * integrate.trapezoid(np.abs(law.pdf(points) - stats.norm.pdf(points)), points) + law.sf(12.0)


TRUNCATED = stats.truncnorm(-5.99, 5.99)

#: First and second weights, which have one law, and others that are near the first, at a width; the remainder for an
#: entry is a distance in total variation, that of a network at most the sum over its entries.
LIMITS = {
    "Student of large df is Gaussian": ("student:df=9e5", "gaussian", "student:df=2.2", stats.t(9e5)),
    "normal cut off far out is Gaussian": ("truncated-normal:bound=5.99", "gaussian", "truncated-normal:bound=0.5",
                                           stats.truncnorm(-5.99, 5.99, scale=1.0 / TRUNCATED.std())),
    "ternary of density 1 is random signs": ("sparse:density=1", "rademacher", "sparse:density=0.8", None),
}  # fmt: skip


@pytest.mark.parametrize("name", LIMITS)
@drawn(2)
@given(factors, st.integers(1, 2))
def test_limits_of_weight_laws(evidence, name, a, depth):
    first, second, near, law = LIMITS[name]
    with evidence.share(a, depth, examples=2) as example:
        of = partial(sampler, D, LINEAR, width=1, scale=a)
        remainder = 0.0 if law is None else depth * distance_to_normal(law)
        right = (of(weights, depth=depth) for weights in (first, second))
        # The cut normal law is a tenth away from the normal one: two margins.
        assert_same_law(example, *right, (of(near), of(second)), margin=0.05, remainder=remainder)


#: As above, for weights that depend on each other along the layers. Smooth weights of length 9e5 move by 1.1e-6 of
#: their deviation between the ends: the ratios by less than 1e-4, their distribution functions, which rise by less than
#: 10 in a unit where they are steepest (widths 2 to 4), by less than 1e-3.
PROCESSES = {
    "fractional noise of index 1/2 is independent": ("fgn:hurst=0.5", "gaussian", "fgn:hurst=0.9", 0.0),
    "a piece for each layer is independent": ("piecewise:pieces=16", "gaussian", "ou:length=0.3", 0.0),
    "one piece is tied": ("piecewise:pieces=1", "tied", "piecewise:pieces=16", 0.0),
    "smooth of great length is tied": ("smooth:length=9e5", "tied", "fgn:hurst=0.6", 1e-3),
    "Matern of smoothness 1/2 is Ornstein and Uhlenbeck's": ("matern:nu=0.5,length=0.3", "ou:length=0.3", "gaussian",
                                                             0.0),
}  # fmt: skip


@pytest.mark.parametrize("name", PROCESSES)
@drawn(2)
@given(st.integers(2, 4), st.sampled_from([R, D]))
def test_limits_of_processes(evidence, name, width, column):
    first, second, near, remainder = PROCESSES[name]
    with evidence.share(width, column, examples=2) as example:
        of = partial(sampler, column, LINEAR, width=width, depth=16)
        right = (of(weights) for weights in (first, second))
        # A value of a stored path costs ten times that of independent weights: a coarser margin.
        assert_same_law(example, *right, (of(near), of(second)), margin=0.25, remainder=remainder)
