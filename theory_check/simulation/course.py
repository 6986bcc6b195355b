"""States through the depth and gradients back, in segments, and what is observed on the way."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory_check.experiments.experiment import Values, check_interrupted, never
from theory_check.foundation.arrays import FloatArray
from theory_check.simulation.controls import Controls
from theory_check.simulation.jacobian import Jacobian
from theory_check.simulation.passes.protocol import Passes
from theory_check.simulation.weight_gradients import WeightGradients, log_squared_norm


def _squared(vector: FloatArray) -> FloatArray:
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(np.sum(vector * vector, axis=1))


def _log_ratio(vector: FloatArray, exponents: NDArray[np.int64], reference: FloatArray) -> FloatArray:
    """Return log ||vector 2^exponents||^2 - reference for every input and lane; infinite after an overflow."""
    square = _squared(vector)
    with np.errstate(divide="ignore"):
        ratio = np.log(square) + 2.0 * math.log(2.0) * exponents - reference
    return np.where(np.isfinite(square), ratio, np.inf)


def _log_squared(vector: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore"):
        return np.log(_squared(vector))


def _log_displacement(
    start: FloatArray, end: FloatArray, shift: NDArray[np.int64], reference: FloatArray
) -> FloatArray:
    """Return log of the displacement from ``start``, of log squared norm ``reference``, to ``end 2^shift``."""
    larger = np.maximum(shift, 0)[:, None, :]
    # Powers of two up to 1: one that underflows to 0 belongs to what vanishes beside the other.
    moved = end * np.ldexp(1.0, shift[:, None, :] - larger) - start * np.ldexp(1.0, -larger)
    return 0.5 * _log_ratio(moved, larger[:, 0, :], reference)


def _log_active_ratio(start: FloatArray, end: FloatArray, shift: NDArray[np.int64]) -> FloatArray:
    """Return log(||relu(end 2^shift)||^2 / ||relu(start)||^2); 0 where no coordinate of ``start`` is positive.

    Such a state never moves: the ratio is that of a vector with itself.
    """
    before, after = np.maximum(start, 0.0), np.maximum(end, 0.0)
    moving = np.any(before > 0.0, axis=1)
    with np.errstate(invalid="ignore"):
        return np.where(moving, _log_ratio(after, shift, _log_squared(before)), 0.0)


@dataclass(frozen=True)
class Course:
    """What carries states through the depth, and what is observed on the way.

    Attributes
    ----------
    passes : Passes
    scaling : float64 array (depth,)
    gradients : bool
    recorded_depths : tuple of int
    kept_bytes : int
        Bytes that the backward pass may keep.
    tangents : Jacobian, optional
        Tangent frames that follow the forward pass.
    weights : WeightGradients, optional
        Observer of the gradients of some layers' weights.
    active_norm : bool
        Whether to observe the norm of the active coordinates at both ends.
    controls : Controls, optional
        Sums of control variates that the forward pass adds to.
    """

    passes: Passes
    scaling: FloatArray
    gradients: bool
    recorded_depths: tuple[int, ...]
    kept_bytes: int
    tangents: Jacobian | None = None
    weights: WeightGradients | None = None
    active_norm: bool = False
    controls: Controls | None = None

    @property
    def depth(self) -> int:
        """Number of layers."""
        return len(self.scaling)

    def factors(self, first: int, last: int) -> FloatArray:
        """Return a_k of layers ``first`` to ``last - 1``, side by side as kernels read them."""
        return np.array(self.scaling[first:last])

    @property
    def keeps(self) -> bool:
        """Whether the forward pass keeps anything."""
        return self.gradients or self.tangents is not None

    @property
    def fits(self) -> bool:
        """Whether all that the backward pass needs can be kept."""
        return self.gradients and self.passes.layer_size.fits(self.depth, self.kept_bytes)


def _segments(course: Course) -> list[tuple[int, int]]:
    """Cut the depth at recorded depths, around observed layers, and where a kernel call would take or keep too much."""
    most = course.passes.layer_size.longest_segment(
        course.depth, course.kept_bytes, gradients=course.gradients, keeps=course.keeps
    )
    stops = sorted({0, course.depth, *course.recorded_depths, *(course.weights.stops if course.weights else ())})
    return [(first, min(first + most, stop)) for start, stop in pairwise(stops) for first in range(start, stop, most)]


def traverse(
    course: Course,
    start: FloatArray,
    output_gradient: Callable[[FloatArray, NDArray[np.int64]], tuple[FloatArray, NDArray[np.int64]]],
    stop: Callable[[], bool] = never,
    watch: Callable[[int, FloatArray], None] | None = None,
) -> Values:
    """Carry states to the end of the depth and, with gradients, a gradient back.

    Parameters
    ----------
    course : Course
    start : float64 array (rows, width, lanes)
        Hidden states h_0.
    output_gradient : callable
        Returns p_L and its exponents, given h_L in units of 2^exponents.
    stop : callable
        Asked between two segments.
    watch : callable
        Shown the depth and the states, each up to a power of two, at the start and after every segment: at every
        recorded depth.

    Returns
    -------
    columns : Values
        Logarithms of ratios and displacements, pairings and columns at recorded depths, shape (rows, lanes[, depths]).
    """
    trip = _Trip.of(course)
    states, columns = _carry_forward(course, trip, start, stop, watch)
    if course.gradients:
        output = output_gradient(*states[course.depth])
        columns |= _carry_back(course, trip, states, output, stop)
        if course.weights is not None:
            sizes = [log_squared_norm(start, np.zeros_like(output[1])), log_squared_norm(*output)]
            columns |= course.weights.columns(sizes[0] + sizes[1])
    return columns


_States = dict[int, tuple[FloatArray, NDArray[np.int64]]]


@dataclass(frozen=True)
class _Trip:
    """The segments of a course, room for what the backward pass needs of them, and the states before them."""

    segments: list[tuple[int, int]]
    room: Any
    checkpoints: _States

    @classmethod
    def of(cls, course: Course) -> _Trip:
        segments = _segments(course)
        longest = max(last - first for first, last in segments)
        room = course.passes.storage(0 if not course.keeps else course.depth if course.fits else longest)
        return cls(segments, room, {})

    def kept(self, course: Course, first: int, last: int) -> Any:
        """Return the room of layers ``first`` to ``last - 1``: their own, or that which all segments share."""
        if not course.keeps:
            return self.room
        return course.passes.slice(self.room, *((first, last) if course.fits else (0, last - first)))


def _carry_forward(
    course: Course, trip: _Trip, start: FloatArray, stop: Callable[[], bool],
    watch: Callable[[int, FloatArray], None] | None,
) -> tuple[_States, Values]:  # fmt: skip
    """Return the states at depth 0, at recorded depths with gradients, and at the end, and what is observed of them."""
    hidden, exponents = start.copy(), np.zeros((start.shape[0], start.shape[2]), np.int64)
    observed = {course.depth, *course.recorded_depths}
    reference, norms = _log_squared(start), {0: np.zeros(exponents.shape)}
    states: _States = {0: (start, exponents.copy())}
    # The backward pass may repeat the forward pass: only this one adds to the sums.
    forward = course.passes.forward if course.controls is None else course.controls.forward
    if watch is not None:
        watch(0, hidden)
    for first, last in trip.segments:
        check_interrupted(stop)
        if course.gradients and not course.fits:
            trip.checkpoints[first] = hidden.copy(), exponents.copy()
        if course.weights is not None:
            course.weights.enter(first, hidden, exponents)
        forward(first, course.factors(first, last), hidden, exponents, trip.kept(course, first, last))
        if course.tangents is not None:
            course.tangents.advance(first, last, trip.kept(course, first, last), stop)
        if last in observed:
            norms[last] = _log_ratio(hidden, exponents, reference)
        if course.gradients and last in course.recorded_depths:
            states[last] = hidden.copy(), exponents.copy()
        if watch is not None:
            watch(last, hidden)
    states[course.depth] = hidden, exponents

    columns: Values = {}
    columns["log_norm_ratio"] = norms[course.depth]
    columns["log_displacement"] = _log_displacement(start, hidden, exponents, reference)
    if course.recorded_depths:
        columns["norm_profile"] = np.stack([norms[k] for k in course.recorded_depths], axis=-1)
    if course.tangents is not None:
        columns |= course.tangents.columns()
    if course.active_norm:
        columns["log_active_norm_ratio"] = _log_active_ratio(start, hidden, exponents)
    if course.controls is not None:
        columns |= course.controls.columns()
    return states, columns


def _carry_back(
    course: Course, trip: _Trip, states: _States, output: tuple[FloatArray, NDArray[np.int64]], stop: Callable[[], bool]
) -> Values:
    """Return what is observed of the gradient p_L and of the gradients below it, paired with ``states``."""
    gradient, top_exponents = output[0].copy(), output[1]
    gradient_exponents = top_exponents.copy()
    end, exponents = states[course.depth]
    top, hidden = course.passes.side_by_side(output[0], end)
    observed = {0, *course.recorded_depths}
    reference, norms = _log_squared(top), {course.depth: np.zeros(exponents.shape)}
    pairings = {course.depth: normalised(top, hidden, top, hidden)}
    for first, last in reversed(trip.segments):
        check_interrupted(stop)
        kept = trip.kept(course, first, last)
        if trip.checkpoints and last < course.depth:
            course.passes.forward(first, course.factors(first, last), *trip.checkpoints[first], kept)
        if course.weights is not None:
            course.weights.leave(first, kept, gradient, gradient_exponents)
        course.passes.backward(first, course.factors(first, last), kept, gradient, gradient_exponents)
        if first in observed:
            below, state_exponents = states[first]
            vector, state = course.passes.side_by_side(gradient, below)
            norms[first] = _log_ratio(vector, gradient_exponents - top_exponents, reference)
            units = gradient_exponents - top_exponents + state_exponents - exponents
            pairings[first] = np.ldexp(normalised(vector, state, top, hidden), units)

    columns: Values = {}
    columns["log_gradient_ratio"] = norms[0]
    columns["log_gradient_displacement"] = _log_displacement(top, vector, gradient_exponents - top_exponents, reference)
    columns["pairing_output"], columns["pairing_input"] = pairings[course.depth], pairings[0]
    if course.recorded_depths:
        columns["gradient_profile"] = np.stack([norms[k] for k in course.recorded_depths], axis=-1)
        columns["pairing_profile"] = np.stack([pairings[k] for k in course.recorded_depths], axis=-1)
    return columns


def normalised(left: FloatArray, right: FloatArray, first: FloatArray, second: FloatArray) -> FloatArray:
    """Return <left, right> / (||first|| ||second||) for every input and lane; 0 where a norm is 0.

    Parameters
    ----------
    left, right, first, second : float64 array (inputs, width, lanes)

    Returns
    -------
    float64 array (inputs, lanes)

    Examples
    --------
    >>> h, p = np.array([[[3.0], [4.0]]]), np.array([[[4.0], [3.0]]])
    >>> normalised(h, p, h, p).tolist()
    [[0.96]]
    """
    norms = np.sqrt(_squared(first)) * np.sqrt(_squared(second))
    with np.errstate(over="ignore", invalid="ignore"):
        products = np.sum(left * right, axis=1)
        return np.asarray(np.divide(products, norms, out=np.zeros_like(norms), where=norms != 0.0))
