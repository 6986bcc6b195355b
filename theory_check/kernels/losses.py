"""Losses of a batch of answers, their columns being the examples: summed loss, right answers, gradient of the mean."""

from __future__ import annotations

import math

import numpy as np

from theory_check.kernels.compilation import kernel


@kernel()
def cross_entropy(logits, labels, rows):
    """Return the summed loss of a batch and how many answers are right; leave its gradient in ``logits``."""
    classes, count = logits.shape
    loss, right = 0.0, 0
    powers = np.empty(classes)
    for s in range(count):
        largest, answer = logits[0, s], 0
        for c in range(1, classes):
            if logits[c, s] > largest:
                largest, answer = logits[c, s], c
        total = 0.0
        for c in range(classes):
            powers[c] = math.exp(float(logits[c, s] - largest))
            total += powers[c]
        label = labels[rows[s]]
        loss += math.log(total) + float(largest) - float(logits[label, s])
        right += answer == label
        for c in range(classes):
            logits[c, s] = (powers[c] / total - (1.0 if c == label else 0.0)) / count
    return loss, right


@kernel()
def squared_error(answers, labels, rows):
    """Return the summed loss, half a squared distance from the label's unit vector, and right answers as above."""
    classes, count = answers.shape
    loss, right = 0.0, 0
    for s in range(count):
        label, answer = labels[rows[s]], 0
        for c in range(classes):
            if answers[c, s] > answers[answer, s]:
                answer = c
        right += answer == label
        for c in range(classes):
            error = float(answers[c, s]) - (1.0 if c == label else 0.0)
            loss += 0.5 * error * error
            answers[c, s] = error / count
    return loss, right


@kernel()
def measure(square, logits, labels, rows):
    """Return the summed loss of a batch, squared or cross-entropy, and right answers; leave the mean's gradient."""
    if square:
        return squared_error(logits, labels, rows)
    return cross_entropy(logits, labels, rows)
