"""A small experiment of every kind: what the pinned values are values of."""

from __future__ import annotations

from theory_check.experiments.cell import Cell
from theory_check.experiments.euler import Euler
from theory_check.experiments.euler_maruyama import EulerMaruyama
from theory_check.experiments.kernel_choice import choose_kernel
from theory_check.experiments.sweep import Sweep
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.networks.inputs import Input
from theory_check.networks.network import Network
from theory_check.networks.path_laws import PathLaw
from theory_check.networks.scalings import Scaling
from theory_check.networks.weights import Weights

SEED, REPLICATES = 20261126, 3


def _cell(branch, weights, *, width=5, depth=6, beta=0.5, activation="relu", inputs=None, kernel=None, **observed):
    law, given = Weights.parse(weights), inputs or Input()
    return Cell(
        network=Network(Branch(branch, Activation.parse(activation)), width, depth, Scaling.power(beta)),
        weights=law,
        input=given,
        kernel=kernel or choose_kernel(law, given, every_weight=observed.get("jacobian", False)),
        **observed,
    )


def _coarse(branch, beta, depth=4):
    return Network(Branch(branch), 4, depth, Scaling.power(beta))


INDEPENDENT = (
    "gaussian", "uniform", "rademacher", "triangular", "ternary", "truncated-normal:bound=1.5", "laplace",
    "sparse:density=0.2", "student:df=5", "orthogonal", "exponential", "zero",
)  # fmt: skip
CORRELATED = (
    "fgn:hurst=0.7", "fgn:hurst=0.3", "smooth:length=0.1", "smooth-increments:length=0.2", "matern:nu=1.5,length=0.1",
    "periodic:length=0.5,period=1", "ou:length=0.1", "ou-increments:length=0.1", "tied", "piecewise:pieces=3",
)  # fmt: skip

EXPERIMENTS = {
    **{f"dense {law}": _cell("res-3", law, kernel="dense", recorded_depths=(0, 3, 6)) for law in INDEPENDENT},
    **{f"stored {law}": _cell("res-3", law, recorded_depths=(2,)) for law in CORRELATED},
    "reduced linear": _cell("linear", "gaussian"),
    "reduced res-1 active": _cell("res-1", "gaussian", active_norm=True),
    "reduced controls": _cell("linear", "gaussian", controls=True),
    "chain linear": _cell("linear", "gaussian", kernel="chain", gradients=False, recorded_depths=(0, 3)),
    "chain leaky": _cell(
        "res-3", "gaussian:variance=he", activation="leaky:slope=0.2", kernel="chain", gradients=False, controls=True
    ),
    "chain gradients": _cell(
        "res-3", "gaussian", activation="leaky:slope=0.2", kernel="chain", inputs=Input("paper"), recorded_depths=(2, 6)
    ),
    "dense controls": _cell("res-3", "ternary", controls=True, inputs=Input("sphere", 2)),
    "reduced res-3 he": _cell("res-3", "gaussian:variance=he", weight_gradients=(1, 6)),
    "reduced tanh": _cell("res-3", "gaussian", activation="tanh"),
    "gram": _cell("res-3", "gaussian", inputs=Input("sphere", 3), recorded_depths=(1, 6)),
    "dense several leaky": _cell("res-3", "uniform", activation="leaky:slope=0.2", inputs=Input("correlated", 2, 0.3)),
    "dense res-2 tanh": _cell("res-2", "uniform", activation="tanh", weight_gradients=(2,)),
    "dense paper": _cell("res-3", "uniform", inputs=Input("paper")),
    "dense ones": _cell("res-1", "rademacher", inputs=Input("ones")),
    "dense jacobian": _cell("res-3", "uniform", jacobian=True, gradients=False),
    "sweep": Sweep(
        width=5, depth=6, weights=Weights.parse("fgn:hurst=0.7"), betas=(0.3, 0.5, 1.0),
        input=Input("gaussian", 2),
    ),
    "euler": Euler(network=_coarse("res-3", 1.0), doublings=2, path=PathLaw.parse("smooth:length=0.5")),
    "euler rough": Euler(
        network=_coarse("res-1", 1.0), doublings=2, path=PathLaw.parse("ou"), reference=False
    ),
    "euler-maruyama": EulerMaruyama(network=_coarse("res-1", 0.5), doublings=2, suprema=True),
    "euler-maruyama independent": EulerMaruyama(
        network=_coarse("linear", 0.5), doublings=2, noise="independent"
    ),
}  # fmt: skip
