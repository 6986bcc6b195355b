"""Labelled examples as arrays: what every data set is made of."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

#: Classes of every data set here.
CLASSES = 10


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Images as rows of bytes, and the class of each.

    Attributes
    ----------
    inputs : uint8 array (examples, pixels), not to be written to
    labels : int64 array (examples,)
        From 0 to 9.
    test_inputs, test_labels : arrays of the same types
        The test set that the files give; without rows where the test set is drawn.
    largest : int
        Value of a white pixel; networks read pixels over it.
    """

    inputs: NDArray[np.uint8]
    labels: NDArray[np.int64]
    test_inputs: NDArray[np.uint8]
    test_labels: NDArray[np.int64]
    largest: int

    def __post_init__(self) -> None:
        self.inputs.flags.writeable = self.test_inputs.flags.writeable = False

    @property
    def pixels(self) -> int:
        """Inputs of a network for these examples."""
        return int(self.inputs.shape[1])

    @cached_property
    def digest(self) -> str:
        """Hash of all values, which tells data sets of one name apart."""
        digest = hashlib.sha256(f"{self.inputs.shape} {self.test_inputs.shape} {self.largest}".encode())
        for part in (self.inputs, self.labels, self.test_inputs, self.test_labels):
            digest.update(np.asarray(part, np.uint8).data)
        return digest.hexdigest()[:16]
