"""Samples as NumPy archives: what ``theory-check simulate`` and ``theory-check train`` write."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory_check.experiments import experiment as experiments
from theory_check.experiments.cell import Cell, Sample
from theory_check.experiments.training import Training
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.files import read_bytes, write_atomically


def arrays(sample: Sample) -> dict[str, NDArray[np.float64]]:
    """Return the columns of a sample and, besides the logarithms of the displacements, the displacements themselves."""
    values = dict(sample.values)
    with np.errstate(over="ignore"):
        for name in ("displacement", "gradient_displacement"):
            logarithm = "log_" + name
            if logarithm in values:
                values[name] = np.exp(values[logarithm])
    return values


def specification(sample: Sample) -> dict[str, Any]:
    """Return the cell, the number of replicates and the seed as JSON values."""
    return {"cell": sample.experiment.to_json(), "replicates": sample.replicates, "seed": sample.seed}


def write_sample(sample: Sample, path: Path) -> None:
    """Write a sample as an ``.npz`` archive, whole or not at all."""
    write_atomically(path, _archive(specification(sample), arrays(sample)))


def encode_trainings(sample: experiments.Sample[Training]) -> bytes:
    """Return the archive of trainings: their columns, and the specification as JSON in ``spec``."""
    training = sample.experiment.to_json()
    return _archive({"training": training, "replicates": sample.replicates, "seed": sample.seed}, sample.values)


def _archive(spec: dict[str, Any], columns: Mapping[str, NDArray[np.float64]]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, spec=np.array(json.dumps(spec, sort_keys=True)), **columns)  # type: ignore[arg-type]  # a column could be called allow_pickle
    return buffer.getvalue()


def read_sample(path: Path) -> Sample:
    """Read what :func:`write_sample` wrote.

    Raises
    ------
    SpecificationError
        If the file is not such an archive.
    StorageError
        If it cannot be read at all.
    """
    content = read_bytes(path)
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            stored = {name: archive[name] for name in archive.files}
        spec = json.loads(str(stored.pop("spec")))
        cell, seed = Cell.from_json(spec["cell"]), int(spec["seed"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split())
        raise SpecificationError(f"{path} is not a sample written by theory-check simulate: {reason}") from error
    derived = {"displacement", "gradient_displacement"}
    return Sample(cell, seed, {name: column for name, column in stored.items() if name not in derived}, 0.0)
