"""What ``theory-check map`` wrote, read with NumPy alone."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np

from theory_check.paper.phase_map import MapSpecification, PhaseMap


def read_map(path: Path) -> PhaseMap:
    with np.load(path, allow_pickle=False) as archive:
        stored = {name: archive[name] for name in archive.files}
    spec = json.loads(str(stored.pop("spec")))
    specification = msgspec.convert(spec["map"], MapSpecification)
    np.testing.assert_array_equal(stored.pop("parameters"), specification.values)
    np.testing.assert_array_equal(stored.pop("betas"), specification.betas)
    return PhaseMap(specification, spec["seed"], stored, 0.0)
