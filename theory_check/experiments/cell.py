"""Cells and their samples: a network at initialisation as a frozen experiment, and what it yields."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeAlias, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from theory_check.experiments import costs
from theory_check.experiments import experiment as experiments
from theory_check.experiments.kernel_choice import (
    CHAIN_GRADIENT_WIDTH,
    MAXIMAL_REDUCED_INPUTS,
    KernelName,
    can_chain,
    can_reduce,
    choose_kernel,
)
from theory_check.foundation.arguments import check_choice, check_integer
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.kinds import check_fields, check_kinds
from theory_check.kernels import KERNEL_VERSION, LANES
from theory_check.networks.additions import identities
from theory_check.networks.custom_processes import CovarianceProcess, PathFunction
from theory_check.networks.inputs import Input
from theory_check.networks.network import Network
from theory_check.networks.scalings import Scaling
from theory_check.networks.weights import Weights

#: Columns of a sample that the backward pass yields.
GRADIENT_COLUMNS = frozenset(
    (
        "log_gradient_ratio", "log_gradient_displacement", "pairing_output", "pairing_input", "gradient_profile",
        "pairing_profile",
    )
)  # fmt: skip

#: Columns of a sample that need the gradient on either side of a layer and the branch between.
WEIGHT_GRADIENT_COLUMNS = frozenset(("outer_weight_gradient", "inner_weight_gradient"))

#: Columns of a sample that need those of two neighbouring layers.
GRADIENT_COSINE_COLUMNS = frozenset(("outer_gradient_cosine", "inner_gradient_cosine"))

#: Columns of a sample that the tangent vectors yield.
JACOBIAN_COLUMNS = frozenset(("log_singular_values", "log_determinant"))

#: Columns of a sample with control variates, in the order of the sums of :mod:`theory_check.kernels.controls`.
CONTROL_COLUMNS = ("control_projection", "control_length", "control_square", "log_floored_ratio")

#: Widest network whose Jacobian is observed, and most tangent vectors of all its inputs together: 50 MB a block.
MAXIMAL_JACOBIAN_WIDTH = 100
MAXIMAL_TANGENTS = 1000


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One experiment: a network, its weights, its input and what to observe.

    Attributes
    ----------
    network, weights, input
        The random network and where h_0 and the output gradient come from.
    kernel : ``dense``, ``reduced``, ``chain`` or ``stored``
        Every weight drawn; the exact reduction for Gaussian weights; for those, the exact chain of norms and
        displacements alone; or weights kept because a process ties layers together. :func:`choose_kernel` decides.
    gradients : bool
        Whether to carry the gradient back as well.
    recorded_depths : tuple of int
        Depths at which the norms are recorded, between 0 and the depth.
    jacobian : bool
        Whether to observe the Jacobian dh_L/dh_0 as well; d^3 operations a layer, dense kernel only.
    weight_gradients : tuple of int
        Layers, from 1 to the depth, the norms of whose weight gradients are recorded; needs ``gradients``.
    gradient_cosines : tuple of int
        Layers whose weight gradients are compared with those of the next layer; both are among ``weight_gradients``.
    active_norm : bool
        Whether to observe the norm of the active coordinates at both ends, for res-1 with ReLU.
    controls : bool
        Whether to sum control variates of log R along the depth, for branches whose ``growth`` is known.
    """

    network: Network
    weights: Weights
    input: Input = field(default_factory=Input)
    kernel: KernelName
    gradients: bool = True
    recorded_depths: tuple[int, ...] = ()
    jacobian: bool = False
    weight_gradients: tuple[int, ...] = ()
    gradient_cosines: tuple[int, ...] = ()
    active_norm: bool = False
    controls: bool = False

    def __post_init__(self) -> None:
        check_choice("kernel", self.kernel, get_args(KernelName))
        check_fields(self, network=Network, input=Input, gradients=bool, jacobian=bool, active_norm=bool, controls=bool)
        for name in ("recorded_depths", "weight_gradients", "gradient_cosines"):
            check_kinds(name.replace("_", " "), getattr(self, name), int, "a whole number")
        if not isinstance(self.weights, Weights):
            raise SpecificationError(f"weights are {self.weights!r}; give them a name by add_law or add_process")
        for depth in self.recorded_depths:
            check_integer("recorded depth", depth, 0, self.network.depth)
        if self.kernel == "reduced" and not can_reduce(self.weights, self.input):
            raise SpecificationError(
                f"the reduced kernel needs gaussian weights and at most {MAXIMAL_REDUCED_INPUTS} inputs, not "
                f"{self.weights} and {self.input}; use {choose_kernel(self.weights, self.input)}"
            )
        if self.kernel == "chain":
            self._check_chain()
        if (self.kernel == "stored") != (self.weights.process is not None):
            raise SpecificationError(
                f"the {self.kernel} kernel does not take {self.weights} weights; use "
                f"{choose_kernel(self.weights, self.input)}"
            )
        if self.network.width < self.input.least_width:
            raise SpecificationError(f"width is {self.network.width}; it is too small for {self.input}")
        widest = self.weights.definition.maximal_width
        if widest is not None and self.network.width > widest:
            raise SpecificationError(
                f"width is {self.network.width}; {self.weights.law} weights accept widths up to {widest}"
            )

        if self.jacobian:
            self._check_jacobian()
        if self.weight_gradients:
            self._check_weight_gradients()
        if self.gradient_cosines:
            self._check_gradient_cosines()
        if self.active_norm and not self.network.branch.is_rectifier:
            raise SpecificationError(
                f"the norm of the active coordinates needs a res-1 branch with relu, not {self.network.branch}"
            )

        if self.controls:
            self._check_controls()
        self.network.check_displacement(self.branch_size)

    def _check_chain(self) -> None:
        if not can_chain(self.weights, self.input, self.network.branch):
            raise SpecificationError(
                "the chain kernel needs gaussian weights, one input and a linear branch or one of W h without bias and "
                f"with a piecewise linear activation, not {self.network.branch}, {self.weights} and {self.input}"
            )
        if self.weight_gradients or self.active_norm:
            raise SpecificationError(
                "the chain kernel simulates norms and displacements of hidden states and gradients alone; use reduced "
                "for weight gradients and the norm of the active coordinates"
            )
        if self.gradients and self.network.width < CHAIN_GRADIENT_WIDTH:
            raise SpecificationError(
                f"width is {self.network.width}; the chain kernel carries gradients from width {CHAIN_GRADIENT_WIDTH} "
                "on; use reduced"
            )

    def _check_controls(self) -> None:
        if self.growth is None:
            raise SpecificationError(
                "control variates need a linear or res-3 branch with weights that are independent from layer to layer, "
                f"of finite variance, and symmetric inside the activation; not {self.network.branch} and {self.weights}"
            )
        if self.kernel == "reduced" and self.input.count > 1:
            raise SpecificationError(f"control variates of {self.input} need the dense kernel, not {self.kernel}")

    def _check_weight_gradients(self) -> None:
        for layer in self.weight_gradients:
            check_integer("layer of a weight gradient", layer, 1, self.network.depth)
        if not self.gradients:
            raise SpecificationError("weight gradients need the backward pass; ask for gradients")
        if self.kernel == "reduced" and self.input.count > 1:
            raise SpecificationError(
                f"weight gradients of {self.input} need every weight; use the dense kernel, not {self.kernel}"
            )

    def _check_gradient_cosines(self) -> None:
        if self.kernel == "reduced":
            raise SpecificationError(
                "cosines of weight gradients need every weight; use the dense kernel, not the reduced"
            )
        for layer in self.gradient_cosines:
            if not {layer, layer + 1} <= set(self.weight_gradients):
                raise SpecificationError(
                    f"layer of a gradient cosine is {layer}; it and the next must be layers of weight gradients"
                )

    def _check_jacobian(self) -> None:
        if self.kernel != "dense":
            raise SpecificationError(f"the Jacobian needs every weight; use the dense kernel, not {self.kernel}")
        width, inputs = self.network.width, self.input.count
        if width > MAXIMAL_JACOBIAN_WIDTH or width * inputs > MAXIMAL_TANGENTS:
            raise SpecificationError(
                f"width is {width} for {self.input}; the Jacobian accepts widths up to {MAXIMAL_JACOBIAN_WIDTH} and "
                f"{MAXIMAL_TANGENTS} tangent vectors, width times inputs"
            )

    @property
    def growth(self) -> float | None:
        """Mean of ||V g(h)||^2 / ||h||^2 given h, the same for every h; None where there is none that is known."""
        kappa, inner = self.network.branch.kappa, self.weights.inner
        if kappa is None or self.kernel == "stored" or not math.isfinite(self.weights.entry_variance):
            return None
        if not self.network.branch.has_inner:
            return kappa * self.weights.entry_variance
        return kappa * self.weights.entry_variance * inner.entry_variance if inner.is_symmetric else None

    @property
    def branch_size(self) -> float:
        """Standard deviation of V times that of W: 1 for weights of unit variance, and where it is not known."""
        process = self.weights.process
        if isinstance(process, CovarianceProcess):
            outer = inner = self.weights.gain * process.layer_variance(
                dict(self.weights.parameters), self.network.depth
            )
        elif isinstance(process, PathFunction):
            return 1.0
        else:
            outer, inner = self.weights.entry_variance, self.weights.inner.entry_variance
        product = outer * inner if self.network.branch.has_inner else outer
        return math.sqrt(product) if math.isfinite(product) else 1.0

    @property
    def layers(self) -> int:
        """Residual layers of a replicate."""
        return self.network.depth

    @property
    def block_size(self) -> int:
        """Replicates that are simulated together: LANES, or one where the weights are stored."""
        return 1 if self.kernel == "stored" else LANES

    @cached_property
    def identity(self) -> str:
        """Canonical text of all that determines a replicate's values, whatever is observed."""
        parts = {
            "network": self.network,
            "weights": self.weights,
            # Omit the cosine when None: identities predate the field.
            "input": {k: v for k, v in msgspec.to_builtins(self.input).items() if v is not None},
            "kernel": self.kernel,
            "kernel_version": KERNEL_VERSION,
        }
        # A name identifies a built-in definition; the name of an added one may mean something else in another program.
        parts |= identities(self.network.branch, self.weights.law, self.input.name)
        return json.dumps(msgspec.to_builtins(parts), sort_keys=True, separators=(",", ":"))

    @cached_property
    def content_hash(self) -> str:
        """Hash of the identity and of the observables (16 hexadecimal digits)."""
        # Omit observables that are off: hashes predate these fields.
        text = f"{self.identity}|{self.gradients}|{list(self.recorded_depths)}" + "|jacobian 2" * self.jacobian
        text += f"|weight gradients {list(self.weight_gradients)}" if self.weight_gradients else ""
        text += f"|gradient cosines {list(self.gradient_cosines)}" if self.gradient_cosines else ""
        text += "|active norm" * self.active_norm + "|controls" * self.controls
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @cached_property
    def work_per_block(self) -> int:
        """Estimate of what a block costs, both passes, in the unit of :mod:`theory_check.experiments.costs`."""
        network, inputs = self.network, self.input.count
        if self.kernel == "stored":
            return costs.stored_work(network, self.weights, inputs, 2 if self.gradients else 1)
        # A weight gradient is read off between two calls.
        stops = len({*self.recorded_depths} - {0, network.depth}) + 2 * len(self.weight_gradients)
        controls = costs.controls_work(network, inputs) if self.controls else 0
        if self.kernel == "chain":
            return controls + costs.chain_work(network, stops, gradients=self.gradients)
        if self.kernel == "reduced":
            return controls + costs.reduced_work(network, inputs, gradients=self.gradients, stops=stops)
        return controls + costs.dense_work(
            network, self.weights, inputs, gradients=self.gradients, stops=stops, jacobian=self.jacobian
        )

    @property
    def kind(self) -> str:
        """Kernel, branch, law, width, inputs, and what is observed."""
        network, inputs = self.network, self.input.count
        observed = {
            "gradients": self.gradients,
            "jacobian": self.jacobian,
            "weight gradients": self.weight_gradients,
            "active norm": self.active_norm,
            "controls": self.controls,
        }
        parts = (self.kernel, network.branch, self.weights.law, f"width {network.width}", f"inputs {inputs}")
        return ", ".join([*map(str, parts), *(name for name, wanted in observed.items() if wanted)])

    @property
    def trial(self) -> Cell:
        """A shallower cell, if a block of this one takes long."""
        depth = int(self.network.depth * costs.TRIAL_WORK / self.work_per_block)
        if depth >= self.network.depth:
            return self
        # The factor of a layer says how often the tangent vectors of a Jacobian are orthonormalised.
        scaling, values = self.network.scaling, self.network.scaling.values
        size = math.hypot(*values) / math.sqrt(len(values)) if scaling.kind == "sequence" else self.network.factors[0]
        scaling = Scaling.constant(size)
        network = replace(self.network, depth=max(1, depth), scaling=scaling)
        return replace(
            self, network=network, recorded_depths=(), weight_gradients=(1,) if self.weight_gradients else ()
        )

    def merge(self, other: Cell) -> Cell:
        """Return the cell with the union of what both observe."""
        return replace(
            self,
            gradients=self.gradients or other.gradients,
            recorded_depths=tuple(sorted({*self.recorded_depths, *other.recorded_depths})),
            jacobian=self.jacobian or other.jacobian,
            weight_gradients=tuple(sorted({*self.weight_gradients, *other.weight_gradients})),
            gradient_cosines=tuple(sorted({*self.gradient_cosines, *other.gradient_cosines})),
            active_norm=self.active_norm or other.active_norm,
            controls=self.controls or other.controls,
        )

    def restrict(self, values: Mapping[str, NDArray[np.float64]], part: Cell) -> experiments.Values:
        """Return what ``part`` observes: its depths and layers, and no column that it does not want."""
        unwanted = {
            *(GRADIENT_COLUMNS if not part.gradients else ()),
            *(JACOBIAN_COLUMNS if not part.jacobian else ()),
            *(("log_active_norm_ratio",) if not part.active_norm else ()),
            *(CONTROL_COLUMNS if not part.controls else ()),
        }
        depths = [self.recorded_depths.index(depth) for depth in part.recorded_depths]
        layers = [self.weight_gradients.index(layer) for layer in part.weight_gradients]
        pairs = [self.gradient_cosines.index(layer) for layer in part.gradient_cosines]

        def positions(name: str) -> list[int] | None:
            if name in GRADIENT_COSINE_COLUMNS:
                return pairs
            return layers if name in WEIGHT_GRADIENT_COLUMNS else depths if name.endswith("_profile") else None

        kept: experiments.Values = {}
        for name, column in values.items():
            if name in unwanted:
                continue
            chosen = positions(name)
            if chosen is None:
                kept[name] = column
            elif chosen:
                kept[name] = column[..., chosen]
        return kept

    def to_json(self) -> dict[str, Any]:
        """Return the specification as JSON values; :meth:`from_json` reads them back."""
        specification: dict[str, Any] = msgspec.to_builtins(self)
        return {**specification, "kernel_version": KERNEL_VERSION}

    @classmethod
    def from_json(cls, specification: Mapping[str, Any]) -> Cell:
        """Read a specification; the kernel version it was made with is not part of the cell."""
        fields = {k: v for k, v in specification.items() if k != "kernel_version"}
        try:
            return msgspec.convert(fields, cls)
        except msgspec.ValidationError as error:
            raise SpecificationError(f"not a cell specification: {error}") from error

    def __str__(self) -> str:
        return f"{self.network}, {self.weights} weights, {self.input}"


#: What a cell yields. Columns of shape (replicates,) for one input and (replicates, inputs) for several:
#:
#: * ``log_norm_ratio``: log R = log(||h_L||^2 / ||h_0||^2),
#: * ``log_displacement``: log sqrt(D) = log(||h_L - h_0|| / ||h_0||),
#: * ``log_gradient_ratio``: log R* = log(||p_0||^2 / ||p_L||^2),
#: * ``log_gradient_displacement``: log sqrt(D*) = log(||p_0 - p_L|| / ||p_L||),
#: * ``pairing_output``, ``pairing_input``: <p_L, h_L> and <p_0, h_0>, both over ||p_L|| ||h_L||,
#: * ``cosine_input``, ``cosine_output`` (several inputs): cosine of each hidden state with the first, at both ends,
#:
#: and of shape (replicates, [inputs,] depths), at the recorded depths, ``norm_profile`` and ``gradient_profile``:
#: log(||h_k||^2 / ||h_0||^2) and log(||p_k||^2 / ||p_L||^2), ``pairing_profile``: <p_k, h_k> over ||p_L|| ||h_L||, and
#: for several inputs ``cosine_profile``: cosine of h_k with that of the first input. With ``jacobian``, J = dh_L/dh_0:
#:
#: * ``log_determinant``: log|det J|,
#: * ``log_singular_values``, shape (replicates, [inputs,] width): logarithms of the singular values of J, descending.
#:
#: With ``weight_gradients``, of shape (replicates, [inputs,] layers), each input with a loss of its own:
#:
#: * ``outer_weight_gradient``: log(||dLoss/dV_k||_F^2 / (||h_0||^2 ||p_L||^2)), h_k = h_{k-1} + a_k V_k g(h_{k-1}),
#: * ``inner_weight_gradient``, for branches with inner weights: the same for W_k,
#:
#: and with ``gradient_cosines``, of shape (replicates, [inputs,] those layers), ``outer_gradient_cosine`` and
#: ``inner_gradient_cosine``: cosine of dLoss/dV_k with dLoss/dV_{k+1}, and of dLoss/dW_k with dLoss/dW_{k+1}; 0 where
#: one is 0.
#:
#: With ``active_norm``, ``log_active_norm_ratio``: log(||relu h_L||^2 / ||relu h_0||^2); 0 where h_0 has no positive
#: coordinate, h_L = h_0 then.
#:
#: With ``controls``, sums over the layers, M the factor of the squared norm (see :mod:`theory_check.kernels.controls`):
#:
#: * ``control_projection``, ``control_length``, ``control_square``: martingales of mean 0 that log R is close to,
#: * ``log_floored_ratio``: sum of log max(M, 1/2), which is log R unless some layer more than halves the squared norm.
Sample: TypeAlias = experiments.Sample[Cell]
