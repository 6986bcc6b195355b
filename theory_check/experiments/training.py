"""Trainings: a network that is trained on labelled images from its random weights, an experiment."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, get_args

import msgspec

from theory_check.data.data_set import DataSet
from theory_check.data.labelled_images import CLASSES
from theory_check.experiments.costs import activation_work
from theory_check.experiments.experiment import Values
from theory_check.experiments.optimisers import Optimiser
from theory_check.foundation.arguments import check_between, check_choice, check_finite, check_integer, check_positive
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.kinds import check_fields, check_kinds
from theory_check.kernels import KERNEL_VERSION, TRAINING_VERSION
from theory_check.networks.additions import identities
from theory_check.networks.network import Network
from theory_check.networks.weights import Weights

Precision = Literal["single", "double"]
TrainedScaling = Literal["fixed", "shared", "layers"]
Loss = Literal["cross-entropy", "square"]

#: Fields that are omitted from identities at these values: identities predate them.
_LATER = {"has_outer": True, "weights_power": 0.0, "loss": "cross-entropy"}

#: Share of the examples that are drawn as the test set where the files give none.
TEST_SHARE = 0.2

#: Columns that have a value for every training; in one that diverged the others have none.
KNOWN_COLUMNS = frozenset({
    "train_accuracy", "validation_accuracy", "test_accuracy", "validation_accuracies", "diverged", "log_displacement",
})  # fmt: skip

#: Most epochs, and bytes of weights, moments and states of one training.
MAXIMAL_EPOCHS = 10_000
MAXIMAL_BYTES = 2**31

#: Powers of the depth that rates and initial weights may be multiplied by go from minus this to this. Theory needs
#: 2 beta - 1 and beta - 1 for rates (N1, N6) and -beta for weights that take over the scaling, with beta between 0 and
#: 1.5 or so: negative ones are as good as others. At depth 100 the fourth power is 10^8, and single precision resolves
#: 10^7: beyond it updates or initial weights are lost in roundings, or the training diverges.
LARGEST_POWER = 4.0


@dataclass(frozen=True, kw_only=True)
class Training:
    """A network trained by the loss of its answers; a replicate is a seed.

    The network reads an image x, pixels between 0 and 1, through h_0 = A x and answers with the class of the largest
    entry of B h_L. Entries of A and B are uniform, of variance one over the number of columns; V and W start from
    ``weights``. The loss is the cross-entropy of the softmax of B h_L, or half its squared distance from the unit
    vector of the class. Split, weights and the order of the examples are drawn for every replicate.

    A sample has the columns

    * ``train_accuracy``, ``validation_accuracy`` (with a validation share) and ``test_accuracy``, shape (replicates,),
      after training,
    * ``loss``, (replicates, epochs): mean over the examples of an epoch, each before the update that it is used for,
    * ``validation_accuracies``, (replicates, epochs): after each epoch,
    * ``diverged``, (replicates,): 1 where a loss was not finite, else 0. Training stops there: accuracies are those of
      a constant answer, the most frequent class of the training set, from that epoch on, and losses are infinite,
    * ``log_displacement``, (replicates,): log(||h_L - h_0|| / ||h_0||) at initialisation, Frobenius norms over 64
      training examples,
    * ``scaling``, (replicates,): root mean square of the a_k after training, if they are trained,

    and for V, if there is one, with the prefix ``outer_``, and W, with the prefix ``inner_``:

    * ``movement``, (replicates,): root mean square of trained - initial entries over that of initial entries,
    * ``increments``, (replicates, 3): root mean square of the increments from layer to layer of the initial entries,
      the trained ones, and their difference,
    * ``variations``, (replicates, 2, 2, lags): for the initial and the trained weights, and for order 1 and 2, the mean
      over entries and positions of the squared differences of the sums S_k over the first k layers: S_{k+n} - S_k and
      S_{k+2n} - 2 S_{k+n} + S_k at each lag n,
    * ``maximal_norm``, ``maximal_increment``, ``root_sum_of_squares``, (replicates,): of the Frobenius norms of the
      trained matrices, max_k ||V_k||, max_k ||V_{k+1} - V_k|| and (sum_k ||V_k||^2)^(1/2),
    * ``initial_root_sum_of_squares``, (replicates,): the last one of the initial matrices,
    * ``entries``, (replicates, 2, entries, depth): the chosen entries along the layers, initial and trained.

    Columns of weights that diverged are what they were when training stopped, infinite where they are not numbers.

    Attributes
    ----------
    network : Network
        Branch without a bias.
    weights : Weights
        Law or process of the initial V and W.
    has_outer : bool
        Whether there is a V. Without, h_{k+1} = h_k + a_k sigma(W_k h_k).
    weights_power : float
        Initial V and W are multiplied by ``depth^weights_power``; between -4 and 4.
    loss : ``cross-entropy`` or ``square``
    data : DataSet
    optimiser : Optimiser
    learning_rate : float
        Of A and B. That of V, W and a_k is ``learning_rate * depth^rate_power``.
    rate_power : float
        Between -4 and 4.
    decay, decay_after : float, int
        After so many epochs both rates are multiplied by ``decay``.
    batch, epochs : int
    trains_ends : bool
        Whether A and B are trained.
    trained_scaling : ``fixed``, ``shared`` or ``layers``
        Whether the a_k are trained too, as one number or each by itself.
    validation_share : float
        Share of the examples outside the test set that training does not see.
    precision : ``single`` or ``double``
        Of training.
    lags : tuple of int
        At which variations are observed, increasing.
    entries : tuple of (int, int)
        Row and column, from 0, of entries that are observed along the layers, increasing.
    """

    network: Network
    weights: Weights
    has_outer: bool = True
    weights_power: float = 0.0
    loss: Loss = "cross-entropy"
    data: DataSet = field(default_factory=DataSet)
    optimiser: Optimiser = field(default_factory=Optimiser)
    learning_rate: float
    rate_power: float = 0.0
    decay: float = 1.0
    decay_after: int = 0
    batch: int = 128
    epochs: int = 10
    trains_ends: bool = True
    trained_scaling: TrainedScaling = "fixed"
    validation_share: float = 0.0
    precision: Precision = "single"
    lags: tuple[int, ...] = (1, 2)
    entries: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        check_fields(
            self, network=Network, weights=Weights, data=DataSet, optimiser=Optimiser, has_outer=bool, trains_ends=bool
        )
        if self.network.branch.has_bias:
            raise SpecificationError(f"branch is {self.network.branch}; training accepts branches without a bias")
        if not self.has_outer and not self.network.branch.has_inner:
            raise SpecificationError(f"branch {self.network.branch} without V has no weights; res-3 has W")
        for name in ("rate_power", "weights_power"):
            try:
                check_between(name.replace("_", " "), getattr(self, name), -LARGEST_POWER, LARGEST_POWER)
            except SpecificationError as error:
                raise SpecificationError(f"{error}; roundings or overflows decide beyond") from None
        check_positive("learning rate", self.learning_rate)
        check_positive("decay", self.decay)
        check_between("validation share", self.validation_share, 0.0, 0.5)
        for name in ("rate_power", "weights_power", "learning_rate", "decay", "validation_share"):
            check_finite(name.replace("_", " "), getattr(self, name))
        check_integer("number of epochs", self.epochs, 1, MAXIMAL_EPOCHS)
        check_integer("batch size", self.batch, 1, 10**5)
        check_integer("decay after (epochs)", self.decay_after, 0, MAXIMAL_EPOCHS)
        check_choice("trained scaling", self.trained_scaling, get_args(TrainedScaling))
        check_choice("loss", self.loss, get_args(Loss))
        check_choice("precision", self.precision, get_args(Precision))
        self._check_observed()
        if self.bytes > MAXIMAL_BYTES:
            raise SpecificationError(
                f"a training of {self.network} with batches of {self.batch} needs {self.bytes / 2**30:.1f} GiB; it may "
                f"need {MAXIMAL_BYTES / 2**30:g}"
            )

    def _check_observed(self) -> None:
        width, depth = self.network.width, self.network.depth
        check_kinds("lags", self.lags, int, "a whole number")
        check_kinds("entries", self.entries, tuple, "a pair of indices")
        if any(len(place) != 2 for place in self.entries):
            raise SpecificationError(f"entries are {self.entries}; each is a pair of indices")
        if list(self.lags) != sorted(set(self.lags)) or list(self.entries) != sorted(set(self.entries)):
            raise SpecificationError(f"lags {self.lags} and entries {self.entries} must be different and increase")
        for lag in self.lags:
            if lag > max(1, depth // 2):
                raise SpecificationError(
                    f"depth is {depth}; variations at lag {lag} take a depth of at least {2 * lag}"
                )
            check_integer("lag of a variation", lag, 1, max(1, depth // 2))
        for place in self.entries:
            for index in place:
                check_integer("index of an entry", index, 0, width - 1)

    @property
    def bytes(self) -> int:
        """Memory of one training: weights four times (now, at first, two moments), states and activations."""
        width, depth = self.network.width, self.network.depth
        matrices = self.matrices
        number = 4 if self.precision == "single" else 8
        # Activations, inputs of W, and slopes that activations do not tell.
        branch = self.network.branch
        states = (1 + int(branch.has_inner) + int(not branch.homogeneous)) * self.batch
        # Statistics of the paths sum them in double precision.
        return depth * width * (number * states + matrices * (4 * number + 16) * width)

    @property
    def residual_rate(self) -> float:
        """Learning rate of the residual layers."""
        return self.learning_rate * math.pow(self.network.depth, self.rate_power)

    @property
    def initial_factor(self) -> float:
        """Factor of the initial V and W."""
        return math.pow(self.network.depth, self.weights_power)

    @property
    def matrices(self) -> int:
        """Trained matrices of a layer, V and W."""
        return int(self.has_outer) + int(self.network.branch.has_inner)

    @property
    def layers(self) -> int:
        """Residual layers that a replicate goes through, those of all its updates."""
        return self.network.depth * self.epochs * self.batches

    @property
    def batches(self) -> int:
        """Updates of an epoch."""
        return -(-self.split[0] // self.batch)

    @cached_property
    def split(self) -> tuple[int, int, int]:
        """Numbers of examples to train on, to validate and to test with."""
        examples = self.data.examples
        tests = len(examples.test_inputs) or math.ceil(TEST_SHARE * len(examples.inputs))
        seen = len(examples.inputs) - (0 if len(examples.test_inputs) else tests)
        validation = round(self.validation_share * seen)
        if tests < 1 or seen - validation < 1:
            raise SpecificationError(f"data set {self.data} has {len(examples.inputs)} examples; that is too few")
        return seen - validation, validation, tests

    @cached_property
    def identity(self) -> str:
        """Canonical text of all that determines a replicate's values, whatever is observed."""
        parts: dict[str, Any] = {
            f: getattr(self, f)
            for f in self.__dataclass_fields__
            if f not in ("data", "lags", "entries") and not (f in _LATER and getattr(self, f) == _LATER[f])
        }
        # The values of the examples, not the folder that they are in, whose name is all that tells some sets apart.
        source = self.data.name if self.data.folder is None else "files"
        parts |= {"experiment": "training", "data": [source, self.data.examples.digest]}
        parts |= {"kernel_version": KERNEL_VERSION, "training_version": TRAINING_VERSION}
        parts |= identities(self.network.branch, self.weights.law)
        return json.dumps(msgspec.to_builtins(parts), sort_keys=True, separators=(",", ":"))

    @property
    def content_hash(self) -> str:
        """Hash of the identity and of the observables (16 hexadecimal digits)."""
        return hashlib.sha256(f"{self.identity}|{self.lags}|{self.entries}".encode()).hexdigest()[:16]

    @property
    def block_size(self) -> int:
        """One: a block is a training."""
        return 1

    @property
    def work_per_batch(self) -> int:
        """Estimate of what one update costs, in the unit of :mod:`theory_check.experiments.costs`."""
        network = self.network
        matrices = self.matrices
        # Forward, backward, and a share of the evaluations.
        entries = network.width * self.batch
        activation = 3 * activation_work(network, self.batch)
        layer = matrices * (0.3 * network.width * entries + 8 * network.width**2) + 2.5 * entries + activation + 3000
        ends = 0.3 * entries * (self.data.examples.pixels + CLASSES)
        return round((network.depth * layer + ends) * (1 if self.precision == "single" else 2))

    @property
    def work_per_block(self) -> int:
        """Estimate of what a block costs, in the unit of :mod:`theory_check.experiments.costs`."""
        statistics = 600 * self.network.depth * self.network.width**2
        return (self.epochs * self.batches + 2) * self.work_per_batch + statistics

    @property
    def kind(self) -> str:
        """Trainings."""
        return "training"

    @property
    def trial(self) -> Training:
        """Itself: the cheapest of its kind is timed."""
        return self

    def merge(self, other: Training) -> Training:
        """Return the training that observes the lags and entries of both."""
        return replace(
            self,
            lags=tuple(sorted({*self.lags, *other.lags})),
            entries=tuple(sorted({*self.entries, *other.entries})),
        )

    def restrict(self, values: Mapping[str, FloatArray], part: Training) -> Values:
        """Return what ``part`` observes: its lags and its entries."""
        lags = [self.lags.index(lag) for lag in part.lags]
        entries = [self.entries.index(place) for place in part.entries]
        kept = {}
        for name, column in values.items():
            if name.endswith("_variations"):
                kept[name] = column[..., lags]
            elif name.endswith("_entries"):
                kept[name] = column[:, :, entries]
            else:
                kept[name] = column
        return kept

    def to_json(self) -> dict[str, Any]:
        """Return the specification as JSON values."""
        specification: dict[str, Any] = msgspec.to_builtins(self)
        data = {"name": self.data.name, "digest": self.data.examples.digest}
        return {**specification, "data": data, "kernel_version": KERNEL_VERSION, "training_version": TRAINING_VERSION}

    def __str__(self) -> str:
        power = f" x depth^{self.rate_power:g}" if self.rate_power else ""
        without = "" if self.has_outer else " without V"
        size = f" x depth^{self.weights_power:g}" if self.weights_power else ""
        square = " and squared error" if self.loss == "square" else ""
        return (
            f"{self.network}{without}, {self.weights} weights{size}, {self.epochs} epochs on {self.data} by "
            f"{self.optimiser}, learning rate {self.learning_rate:g}{power}{square}"
        )
