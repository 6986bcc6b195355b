"""Public functions say what they take, return and raise, and the examples of all docstrings run.

A function is public if neither it nor its module or class has an underscore. With three or more parameters it has the
sections of NumPy's style: Parameters with every parameter, Returns if it returns a value, Raises if its body raises.
A method that a base class of the same room documents says it there, a command of the command line in its help, which
lists the options.
"""

from __future__ import annotations

import ast
import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import theory_check

ROOT = Path(theory_check.__file__).parent

#: Rooms whose functions are not all documented yet; the list may only shrink.
UNDOCUMENTED_ROOMS = frozenset(
    [
        "catalogue",
        "kernels",
    ]
)

#: Rooms in which each of these functions has an example; the list may only grow.
ROOMS_WITH_EXAMPLES = ("foundation", "inference", "pytest_plugin", "theory")

ROOMS = sorted(path.stem for path in ROOT.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists())
MODULES = ["theory_check", *sorted(module.name for module in pkgutil.walk_packages([str(ROOT)], "theory_check."))]


def sources(room):
    path = ROOT / room
    return sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]


def public_functions(body, prefix=""):
    """Yield names and definitions of functions and of methods, nested functions left out."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            if isinstance(node, ast.FunctionDef):
                yield prefix + node.name, node
            else:
                yield from public_functions(node.body, f"{node.name}.")


def inherited_methods(trees):
    """Return, for each class of a room, the methods that its bases in the room define."""
    classes = {node.name: node for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)}

    def methods(name):
        node = classes.get(name)
        return set() if node is None else {n.name for n in node.body if isinstance(n, ast.FunctionDef)} | bases(node)

    def bases(node):
        return set().union(*(methods(base.id) for base in node.bases if isinstance(base, ast.Name)))

    return {name: bases(node) for name, node in classes.items()}


def own_nodes(function):
    """Yield the nodes of a function without those of functions inside."""
    pending = list(function.body)
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            pending.extend(ast.iter_child_nodes(node))


def parameters(function):
    arguments = function.args
    names = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    names += [a.arg for a in (arguments.vararg, arguments.kwarg) if a is not None]
    return [name for name in names if name not in ("self", "cls")]


def sections(docstring):
    """Return the text of each section by its title."""
    parts = re.split(r"^([A-Z][A-Za-z ]+)\n-{3,}\n", docstring, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def faults(function):
    """Say what the docstring of a function lacks."""
    docstring = ast.get_docstring(function)
    if docstring is None:
        return ["a docstring"]
    found = sections(docstring)
    described = set()
    for line in found.get("Parameters", "").splitlines():
        if line and not line[0].isspace():
            described.update(name.strip(" *") for name in line.split(":")[0].split(","))
    lacking = [f"parameter {name}" for name in parameters(function) if name not in described]
    nodes = list(own_nodes(function))
    returns = any(isinstance(node, ast.Return) and node.value is not None for node in nodes)
    yields = any(isinstance(node, ast.Yield | ast.YieldFrom) for node in nodes)
    raises = any(isinstance(node, ast.Raise) for node in nodes)
    lacking += ["Returns"] if returns and not yields and "Returns" not in found else []
    lacking += ["Yields"] if yields and "Yields" not in found else []
    lacking += ["Raises"] if raises and "Raises" not in found else []
    return lacking


def is_command(function):
    return any(ast.unparse(decorator).startswith("click.command(") for decorator in function.decorator_list)


def large_functions(room):
    """Yield file, name and definition of the public functions of a room with three or more parameters."""
    trees = {path: ast.parse(path.read_text()) for path in sources(room)}
    inherited = inherited_methods(trees.values())
    for path, tree in trees.items():
        if not path.stem.startswith("_") or path.stem == "__init__":
            for name, function in public_functions(tree.body):
                owner, _, method = name.rpartition(".")
                documented = method in inherited.get(owner, ()) or is_command(function)
                if len(parameters(function)) >= 3 and not documented:
                    yield f"{path.relative_to(ROOT)}, {name}", function


def room_faults(room):
    return [f"{name}: {', '.join(found)}" for name, function in large_functions(room) if (found := faults(function))]


@pytest.mark.parametrize("room", [room for room in ROOMS if room not in UNDOCUMENTED_ROOMS])
def test_public_functions_are_documented(room):
    assert room_faults(room) == []


@pytest.mark.parametrize("room", sorted(UNDOCUMENTED_ROOMS))
def test_the_list_of_undocumented_rooms_shrinks(room):
    assert room_faults(room), f"{room} is documented: take it off the list"


@pytest.mark.parametrize("room", ROOMS_WITH_EXAMPLES)
def test_public_functions_have_examples(room):
    assert [name for name, function in large_functions(room) if ">>>" not in ast.get_docstring(function)] == []


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    module = importlib.import_module(name)
    runner = doctest.DocTestRunner()
    for test in doctest.DocTestFinder(exclude_empty=True).find(module, name):
        runner.run(test)
    assert runner.summarize(verbose=False).failed == 0


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(a, b, c): pass", ["a docstring"]),
        ("def f(a, *, b, **c):\n '''Do.\n\n Parameters\n ----------\n a, b : int\n c\n '''", []),
        ("def f(a):\n '''Do.\n\n Parameters\n ----------\n b : int\n '''\n return a", ["parameter a", "Returns"]),
        ("def f():\n '''Do.'''\n raise ValueError", ["Raises"]),
        ("def f():\n '''Do.'''\n def g():\n  raise ValueError", []),
    ],
)
def test_faults_are_found(source, expected):
    assert faults(ast.parse(source).body[0]) == expected


def test_methods_are_inherited_through_classes_of_the_room():
    source = "class A:\n def f(self): pass\nclass B(A, Other): pass\nclass C(B):\n def g(self): pass"
    assert inherited_methods([ast.parse(source)]) == {"A": set(), "B": {"f"}, "C": {"f"}}
