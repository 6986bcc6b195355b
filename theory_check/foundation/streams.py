"""Keyed random streams, the only source of randomness of a simulation.

The four words of state of a generator are one block of Philox4x32-10 (Salmon, Moraes, Dror, Shaw, *Parallel Random
Numbers: As Easy as 1, 2, 3*, SC 2011) under a 64-bit key made of the root seed and the experiment, at the counter
(replicate, layer, purpose). From there xoshiro128++ (Blackman, Vigna, *Scrambled Linear Pseudorandom Number
Generators*, 2021) draws. Any layer of any replicate can thus be drawn at any time, in any order: the backward pass
redraws the weights of the forward pass instead of keeping them.

Two streams of length n out of N overlap with probability below n N^2 / 2^128: for 10^5 replicates of depth 10^6 at
width 100, 10^-12.
"""

from __future__ import annotations

import hashlib
from enum import IntEnum

import numpy as np

from theory_check.foundation.errors import SpecificationError

#: Constants of Philox4x32-10, which the kernels read.
PHILOX_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
PHILOX_INCREMENTS = (0x9E3779B9, 0xBB67AE85)
PHILOX_ROUNDS = 10


class Purpose(IntEnum):
    """Purpose of the numbers of a stream; every layer of every replicate has one stream per purpose."""

    OUTER_WEIGHTS = 0
    INNER_WEIGHTS = 1
    BIAS = 2
    INPUT = 3
    INPUT_WEIGHTS = 4
    READOUT = 5
    TARGET = 6
    REDUCED_FORWARD = 7
    REDUCED_BACKWARD = 8
    SPLIT = 9
    ORDER = 10


def check_seed(seed: int) -> int:
    """Return the root seed if it is a whole number from 0 to 2^64 - 1."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**64:
        raise SpecificationError(f"seed is {seed!r}; it must be a whole number from 0 to 2^64 - 1")
    return int(seed)


def stream_key(seed: int, identity: str) -> tuple[int, int]:
    """Return the two key words of the streams of an experiment under a root seed, :func:`check_seed`.

    Parameters
    ----------
    seed : int
        Root seed, 0 to 2^64 - 1.
    identity : str
        Text of everything that the values depend on: not the number of replicates, nor the observables.
    """
    digest = hashlib.sha256(f"{seed}:{identity}".encode()).digest()
    return int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:8], "little")
