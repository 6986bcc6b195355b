"""Losses of a batch against their definitions, and their gradients against finite differences."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax

from theory_check.kernels.losses import cross_entropy, measure, squared_error

LABELS = np.array([2, 0, 1, 2, 2], dtype=np.uint8)
ROWS = np.array([4, 1, 0, 2])
ANSWERS = np.random.Generator(np.random.Philox(11)).standard_normal((3, ROWS.size))


def by_definition(loss, answers):
    labels = LABELS[ROWS]
    if loss is cross_entropy:
        return -log_softmax(answers, axis=0)[labels, np.arange(ROWS.size)].sum()
    return 0.5 * ((answers - np.eye(3)[:, labels]) ** 2).sum()


@pytest.mark.parametrize("loss", [cross_entropy, squared_error])
def test_sums_and_right_answers(loss):
    found, right = loss(ANSWERS.copy(), LABELS, ROWS)
    # A dozen roundings of numbers of order 1.
    assert found == pytest.approx(by_definition(loss, ANSWERS), rel=1e-14)
    assert right == np.sum(ANSWERS.argmax(axis=0) == LABELS[ROWS])
    assert measure(loss is squared_error, ANSWERS.copy(), LABELS, ROWS) == (found, right)


@pytest.mark.parametrize("loss", [cross_entropy, squared_error])
def test_gradients_of_the_mean(loss):
    gradient, step = ANSWERS.copy(), 1e-6
    loss(gradient, LABELS, ROWS)
    for place in np.ndindex(*ANSWERS.shape):
        moved = np.zeros_like(ANSWERS)
        moved[place] = step
        difference = by_definition(loss, ANSWERS + moved) - by_definition(loss, ANSWERS - moved)
        # A central difference is off by step^2 and by a rounding over the step.
        assert gradient[place] == pytest.approx(difference / (2.0 * step * ROWS.size), abs=1e-8)


def test_large_answers_do_not_overflow():
    answers = np.array([[1000.0], [-1000.0], [0.0]])
    found, right = cross_entropy(answers, LABELS, np.array([0]))
    assert (found, right) == (1000.0, 0)
    assert answers[:, 0].tolist() == [1.0, 0.0, -1.0]
