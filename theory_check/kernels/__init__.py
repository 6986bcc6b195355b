"""Numba kernels: plain arrays in, plain arrays out, no objects.

Layout shared by all of them: a *block* is :data:`LANES` replicates that advance together; the lane is the last,
contiguous axis and the inner loop, so that one instruction serves several networks. Replicate ``r`` always sits in lane
``r % LANES`` of block ``r // LANES``, and no operation mixes lanes: its value depends on nothing but its own stream.

This file imports nothing, so that the constants are free to read; Numba loads with the modules.
"""

#: Replicates in a block. 64 lanes are four vectors of 16 single-precision numbers: enough independent work to hide the
#: latency of the generator, and the row of weights of a width of 100 still fits the first-level cache.
LANES = 64

#: Columns of a panel of stored passes, :mod:`theory_check.kernels.stored`: one vector of single-precision numbers.
PANEL = 16

#: Bumped whenever an edit changes simulated values; it enters the identity of every cell.
KERNEL_VERSION = 1

#: The same for what changes the values of trainings alone; it enters their identity.
TRAINING_VERSION = 2
