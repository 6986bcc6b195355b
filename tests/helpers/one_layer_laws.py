"""Short spellings of piecewise linear branches and of their one-layer laws."""

from __future__ import annotations

from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.theory.multiplier import Multiplier


def a_branch(name="res-3", slope=0.0):
    return Branch(name, Activation("leaky", slope) if slope else Activation())


def a_layer(width, kind="linear", slope=0.0, gain=1.0):
    return Multiplier(width, a_branch(kind, slope), gain)
