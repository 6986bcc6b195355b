"""The first step of gradient descent on a batch of images, an experiment: what the gradients of its weights share."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from theory_check.data.data_set import DataSet
from theory_check.experiments.experiment import Values
from theory_check.experiments.optimisers import Optimiser
from theory_check.experiments.training import Loss, TrainedScaling, Training
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.networks.network import Network
from theory_check.networks.weights import Weights

#: Learning rate of the step: the weights after it are the gradient, and their difference does not round it.
RATE = 2.0**20

#: Parts of the examples whose gradients have norms of their own. What single examples contribute may cancel in a sum
#: of few entries, which leaves their rounding alone; that it cancels in each of eight parts is out of the question.
PARTS = 8


@dataclass(frozen=True, kw_only=True)
class FirstStep:
    """One step of gradient descent on half of the examples, in double precision, from the weights of a training.

    A sample has columns of shape (replicates,), each a defect over the norms that it is made of, G being the gradient
    of the weights in its index and ||G|| the sum of the norms of what each of ``PARTS`` parts of the examples adds to
    it:

    * ``ends_defect``: |<A, G_A> - <B, G_B>| / (||A|| ||G_A|| + ||B|| ||G_B||),
    * ``units_defect``, with V and W: the largest |<V_:j, G_V:j> - <W_j:, G_Wj:>| of a layer and a hidden unit j,
      over the largest ||V_:j|| ||G_V:j|| + ||W_j:|| ||G_Wj:||,
    * ``scales_defect``, with ``trained_scaling="layers"``: the largest |a_k G_a_k - <X_k, G_X_k>| of a layer, over the
      largest |a_k G_a_k| + ||X_k|| ||G_X_k||, X being V, or W where there is no V,
    * ``chain_defect``, without W and with at least two layers: the largest ||M_{k+1}^T G_{k+1} - G_k M_k^T|| of
      neighbouring layers, M_k = I + a_k V_k and G_k the gradient of M_k, over the largest ||M_k|| ||G_k||.

    Attributes
    ----------
    network : Network
        Branch without a bias; no scaling factor is 0.
    weights : Weights
        Law or process of V and W.
    data : DataSet
    has_outer, loss, trained_scaling
        As of :class:`~theory_check.experiments.training.Training`.
    """

    network: Network
    weights: Weights
    data: DataSet = field(default_factory=DataSet)
    has_outer: bool = True
    loss: Loss = "cross-entropy"
    trained_scaling: TrainedScaling = "fixed"

    def __post_init__(self) -> None:
        if not self.network.factors.all():
            raise SpecificationError(f"scaling is {self.network.scaling}; a first step needs factors other than 0")
        _ = self.training  # which checks the other fields

    @cached_property
    def training(self) -> Training:
        """The training that this is the first step of: its split, weights and loss."""
        training = Training(
            network=self.network, weights=self.weights, data=self.data, optimiser=Optimiser("gradient-descent"),
            learning_rate=RATE, epochs=1, validation_share=0.5, precision="double", lags=(1,),
            has_outer=self.has_outer, loss=self.loss, trained_scaling=self.trained_scaling,
        )  # fmt: skip
        return replace(training, batch=training.split[0])

    @property
    def layers(self) -> int:
        """Residual layers of a replicate."""
        return self.network.depth

    @property
    def block_size(self) -> int:
        """One: a block is a network."""
        return 1

    @property
    def identity(self) -> str:
        """Canonical text of all that determines a replicate's values."""
        return f"first step in {PARTS} parts|{self.training.identity}"

    @property
    def content_hash(self) -> str:
        """Hash of the identity (16 hexadecimal digits)."""
        return hashlib.sha256(self.identity.encode()).hexdigest()[:16]

    @property
    def work_per_block(self) -> int:
        """Estimate of what a block costs, in the unit of :mod:`theory_check.experiments.costs`."""
        # Weights and a split are drawn for every step.
        return self.training.work_per_batch + 5_000_000

    @property
    def kind(self) -> str:
        """First steps."""
        return "first step"

    @property
    def trial(self) -> FirstStep:
        """Itself: the cheapest of its kind is timed."""
        return self

    def merge(self, _other: FirstStep) -> FirstStep:
        """Return itself: all first steps of one identity observe the same."""
        return self

    def restrict(self, values: Mapping[str, FloatArray], _part: FirstStep) -> Values:
        """Return all columns."""
        return dict(values)

    def __str__(self) -> str:
        without = "" if self.has_outer else " without V"
        loss = " of the squared error" if self.loss == "square" else ""
        return f"{self.network}{without}, {self.weights} weights, first step{loss} on {self.data}"
