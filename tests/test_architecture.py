"""The order of the layers: a module imports only from layers below its own."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import theory_check

#: From the top down; modules of one layer do not import each other.
LAYERS = (
    ("__main__",),
    ("cli", "pytest_plugin"),
    ("history",),
    ("verification", "archive", "map_archive", "calibration", "paper_figures"),
    ("map_panels",),
    ("reporting", "claims", "phase_map", "multilevel", "strategies"),
    ("inference", "theory", "runner"),
    ("sweeps",),
    ("simulation", "euler_maruyama", "euler"),
    ("stored_passes", "jacobian", "weight_gradients"),
    ("passes", "boundary", "levels"),
    ("cells",),
    ("weight_paths",),
    ("path_writers",),
    ("costs", "experiments"),
    ("kernels",),
    ("path_series", "flows"),
    ("networks", "initializations", "streams"),
    ("added_laws",),
    ("processes", "weight_laws"),
    ("covariances", "covariance_factors", "custom_processes"),
    ("specifications", "storage", "findings", "promises"),
    ("errors",),
)
HEIGHT = {name: -depth for depth, layer in enumerate(LAYERS) for name in layer}

#: The archive shows a sample with the numerals of the reports; it stands above them for that.
PACKAGE = Path(theory_check.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))


def part_of(path):
    """The first name of a module below the package: ``kernels`` for kernels/rows.py."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported(path):
    """Full names of everything a file imports, wherever in the file."""
    package = ["theory_check", *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            # "from theory_check import kernels" imports a module, "from theory_check.errors import X" a name of one.
            yield from (f"{module}.{alias.name}" for alias in node.names)


def parts_imported(path):
    names = (name.split(".") for name in imported(path))
    return {name[1] for name in names if name[0] == "theory_check" and len(name) > 1} & set(HEIGHT)


def test_every_module_has_a_layer():
    assert {part_of(path) for path in SOURCES} - {"__init__"} == set(HEIGHT)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down(path):
    part = part_of(path)
    if part == "__init__":
        assert not parts_imported(path)
        return
    upward = {other for other in parts_imported(path) - {part} if HEIGHT[other] >= HEIGHT[part]}
    assert not upward, f"{path.relative_to(PACKAGE)} imports {', '.join(sorted(upward))}, which is not below {part}"


def test_numba_stays_in_the_kernels():
    users = {
        part_of(path) for path in SOURCES if any(name.split(".")[0] in ("numba", "llvmlite") for name in imported(path))
    }
    assert users == {"kernels"}


def test_the_check_sees_an_upward_import(tmp_path, monkeypatch):
    monkeypatch.setattr("test_architecture.PACKAGE", tmp_path)
    path = tmp_path / "errors.py"
    path.write_text("def f():\n    from theory_check import kernels\n    from .cells import Cell\n")
    assert parts_imported(path) == {"kernels", "cells"}


def test_inference_knows_no_network_and_reporting_no_claim():
    low = {"errors", "findings", "specifications", "storage", "promises", "inference", "reporting", "theory"}
    # Compiled loops on plain arrays and correlations of processes know no network either.
    known = {"inference": low | {"kernels"}, "theory": low | {"kernels", "covariances"}, "reporting": low}
    for path in SOURCES:
        if part_of(path) in known:
            assert parts_imported(path) <= known[part_of(path)]
