"""A cell from its spelling, and its sample as a NumPy archive: what ``theory-check simulate`` reads and writes."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from theory_check.cells import Cell, KernelName, Sample, choose_kernel
from theory_check.errors import SpecificationError
from theory_check.initializations import Weights
from theory_check.networks import Activation, Branch, Input, Network, Scaling
from theory_check.specifications import check_choice
from theory_check.storage import read_bytes, write_atomically

_LARGEST = sys.float_info.max


def make_cell(
    *,
    branch: str = "res-3",
    activation: str = "relu",
    weights: str = "gaussian",
    width: int = 40,
    depth: int = 1000,
    beta: float | None = None,
    scale: str | None = None,
    input_name: str = "gaussian",
    inputs: int = 1,
    replicates: int = 1000,
    gradients: bool = True,
    profile_depths: str = "",
    jacobian: bool = False,
    weight_gradients: str = "",
    active_norm: bool = False,
    kernel: str = "auto",
) -> Cell:
    """Build a cell from the spellings of the command line.

    Raises
    ------
    SpecificationError
        Naming the first value that is not accepted, and what is.
    """
    law = Weights.parse(weights)
    observed = Input.parse(input_name, inputs)
    check_choice("kernel", kernel, ("auto", *get_args(KernelName)))
    network = Network(
        Branch(branch, Activation.parse(activation)),  # type: ignore[arg-type]
        width,
        depth,
        _scaling(beta, scale),
    )
    automatic = choose_kernel(law, observed, width, jacobian=jacobian)
    chosen: KernelName = automatic if kernel == "auto" else kernel  # type: ignore[assignment]
    return Cell(
        network=network,
        weights=law,
        input=observed,
        kernel=chosen,
        replicates=replicates,
        gradients=gradients,
        profile=tuple(int(k) for k in _numbers("profile depths", profile_depths, int)),
        jacobian=jacobian,
        weight_gradients=tuple(int(k) for k in _numbers("layers of weight gradients", weight_gradients, int)),
        active_norm=active_norm,
    )


def _numbers(what: str, text: str, kind: type[int] | type[float]) -> list[float]:
    try:
        return [kind(part) for part in text.split(",")] if text.strip() else []
    except ValueError as error:
        raise SpecificationError(f"{what} {text!r} must be numbers separated by commas") from error


def _scaling(beta: float | None, scale: str | None) -> Scaling:
    if scale is None:
        return Scaling.power(0.5 if beta is None else beta)
    if beta is not None:
        raise SpecificationError("give beta or a scale, not both")
    factors = _numbers("scale", scale, float)
    if not factors:
        raise SpecificationError("scale is empty; give one number, or one for each layer")
    return Scaling.constant(factors[0]) if len(factors) == 1 else Scaling.sequence(factors)


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
    """Return the cell and the seed as JSON values."""
    return {"cell": sample.cell.to_json(), "seed": sample.seed}


def write_sample(sample: Sample, path: Path) -> None:
    """Write a sample as an ``.npz`` archive, whole or not at all."""
    buffer = io.BytesIO()
    text = json.dumps(specification(sample), sort_keys=True)
    np.savez(buffer, spec=np.array(text), **arrays(sample))  # type: ignore[arg-type]
    write_atomically(path, buffer.getvalue())


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


def summarise(sample: Sample) -> list[str]:
    """Return one line for each number of a replicate: its median with an exact 95% interval."""
    from theory_check.inference.intervals import quantile_interval
    from theory_check.reporting.numerals import format_estimate

    lines = [
        f"{sample.cell}: {sample.cell.replicates} replicates, {sample.cell.kernel} kernel, {sample.seconds:.2f} core s"
    ]
    shown = dict(_single_numbers(sample))
    longest = max(26, *map(len, shown))
    for name, column in shown.items():
        # Order statistics are taken of finite numbers; an infinite median is the logarithm of 0, or an overflow.
        interval = quantile_interval(np.clip(column, -_LARGEST, _LARGEST), 0.5, alpha=0.05)
        if abs(interval.estimate) < _LARGEST:
            text = format_estimate(interval.estimate, interval.lower, interval.upper)
        else:
            text = "∞" if interval.estimate > 0.0 else "-∞"
        lines.append(f"  {name:<{longest}} median {text}")
    return lines


def _single_numbers(sample: Sample) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Yield what the summary shows: one number a replicate, of the first input or, for cosines, of the second."""
    several = sample.cell.input.count > 1
    for name, column in arrays(sample).items():
        if name.startswith("pairing") or name.endswith(("_profile", "_weight_gradient")):
            continue
        index = 1 if name.startswith("cosine") else 0
        values = column[:, index] if several else column
        suffix = f" of input {index + 1}" if several else ""
        if name == "log_singular_values":
            for rank in sorted({1, sample.cell.network.width}):
                yield f"log_singular_value {rank}{suffix}", values[:, rank - 1]
        else:
            yield name + suffix, values
