"""Trainings against PyTorch from equal weights and in equal order; skipped where PyTorch is not installed."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from theory_check.experiments.optimisers import Optimiser
from theory_check.experiments.spelling import training
from theory_check.foundation.streams import Purpose
from theory_check.simulation.training import TrainingRun

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    torch = pytest.importorskip("torch")

SEED, EPOCHS, BATCH = 9, 2, 128

RATES = {"adam": 1e-3, "momentum": 1e-2, "gradient-descent": 1e-1}


def torch_losses(experiment, run, optimiser):
    """Mean losses of the epochs, by automatic differentiation and PyTorch's own optimisers."""
    examples = experiment.data.examples
    parameters = [torch.tensor(part, requires_grad=True) for part in run.weights]
    outer, inner, entry, readout, scaling = parameters
    trained = [part for part in parameters if part is not scaling and part.numel()]
    rate = experiment.learning_rate
    chosen = {
        "adam": lambda: torch.optim.Adam(trained, lr=rate),
        "momentum": lambda: torch.optim.SGD(trained, lr=rate, momentum=0.9),
        "gradient-descent": lambda: torch.optim.SGD(trained, lr=rate),
    }[optimiser]()
    losses = []
    for epoch in range(EPOCHS):
        order = run.seen[run._streams.permutation(Purpose.ORDER, epoch, len(run.seen))]
        total = 0.0
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            x = torch.tensor(examples.inputs[rows] / np.float32(16), dtype=torch.float32)
            hidden = x @ entry.T
            for k in range(len(outer)):
                pre = hidden @ inner[k].T if len(inner) else hidden
                hidden = hidden + scaling[k] * torch.relu(pre) @ outer[k].T
            loss = torch.nn.functional.cross_entropy(hidden @ readout.T, torch.tensor(examples.labels[rows]))
            chosen.zero_grad()
            loss.backward()
            chosen.step()
            total += float(loss.detach()) * len(rows)
        losses.append(total / len(order))
    return losses


@pytest.mark.parametrize("branch", ["res-1", "res-3"])
@pytest.mark.parametrize("optimiser", list(RATES))
def test_losses_are_those_of_pytorch(branch, optimiser):
    experiment = training(
        branch, depth=20, epochs=EPOCHS, batch=BATCH, optimiser=Optimiser(optimiser), learning_rate=RATES[optimiser]
    )
    expected = torch_losses(experiment, TrainingRun(experiment, SEED, 0), optimiser)
    run = TrainingRun(experiment, SEED, 0)
    found = [run.train_epoch(epoch) for epoch in range(EPOCHS)]
    # Single precision on both sides, 24 updates.
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert found[1] < 0.99 * found[0]
