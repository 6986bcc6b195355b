"""A phase map from its spelling, and its values as a NumPy archive with a picture: ``theory-check map``."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np

from theory_check.foundation.arguments import check_choice, parse_call, parse_grid
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.files import read_bytes, write_atomically
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.networks.inputs import Input
from theory_check.networks.weights import Weights, process_names
from theory_check.paper.phase_map import MapSpecification, PhaseMap


def make_map(
    *,
    branch: str = "res-3",
    activation: str = "relu",
    width: int = 40,
    depth: int = 1000,
    process: str = "fgn",
    parameters: str = "0.05:0.97:51",
    betas: str = "0:1.3:70",
    draws: int = 5,
    inputs: int = 10,
    input_name: str = "paper",
    gradients: bool = True,
) -> MapSpecification:
    """Build a specification from the spellings of the command line.

    What varies is the first parameter of the process that its spelling leaves open.
    """
    name, given = parse_call("process", process)
    check_choice("process", name, process_names())
    weights = Weights.parse(process)
    free = [key for key in weights.definition.defaults if key not in given]
    if not free:
        raise SpecificationError(f"process {process!r} leaves no parameter to vary along the map")
    return MapSpecification(
        branch=Branch(branch, Activation.parse(activation)),
        width=width,
        depth=depth,
        weights=weights,
        parameter=free[0],
        values=parse_grid("parameters", parameters),
        betas=parse_grid("betas", betas),
        draws=draws,
        input=Input(input_name, inputs),
        gradients=gradients,
    )


def write_map(phase_map: PhaseMap, path: Path, *, threads: int = 1) -> list[Path]:
    """Write a map as an ``.npz`` archive and a picture beside it; return both paths.

    The critical curves of the picture take up to half a minute of processor time, in so many threads.
    """
    specification = phase_map.specification
    buffer = io.BytesIO()
    text = json.dumps({"map": specification.to_json(), "seed": phase_map.seed}, sort_keys=True)
    np.savez(
        buffer,
        spec=np.array(text),
        parameters=np.array(specification.values),
        betas=np.array(specification.betas),
        **phase_map.values,  # type: ignore[arg-type]
    )
    picture = path.with_suffix(".png")
    write_atomically(picture, draw_map(phase_map, threads=threads))
    write_atomically(path, buffer.getvalue())
    return [path, picture]


def read_map(path: Path) -> PhaseMap:
    """Read what :func:`write_map` wrote; raise SpecificationError if the file is not such an archive."""
    content = read_bytes(path)
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            stored = {name: archive[name] for name in archive.files}
        spec = json.loads(str(stored.pop("spec")))
        specification, seed = MapSpecification.from_json(spec["map"]), int(spec["seed"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split())
        raise SpecificationError(f"{path} is not a map written by theory-check map: {reason}") from error
    values = {name: column for name, column in stored.items() if name not in ("parameters", "betas")}
    return PhaseMap(specification, seed, values, 0.0)


def draw_map(phase_map: PhaseMap, *, threads: int = 1) -> bytes:
    """Return heat maps of the median displacements, of the output and of the gradient, as PNG.

    With the critical curves where theory has them: fractional noise and a piecewise linear branch.
    """
    from theory_check.paper.map_panels import critical_curves_of, map_panels
    from theory_check.reporting.drawing import render

    return render(map_panels(phase_map, critical_curves_of(phase_map.specification, threads=threads)))["png"]
