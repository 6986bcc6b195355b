"""Identities of Python functions: hashes of their code and of the constants they read, not of their names."""

from __future__ import annotations

import ast
import dis
import enum
import functools
import hashlib
import inspect
import sysconfig
import textwrap
import types
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import numpy as np

from theory_check.foundation.errors import SpecificationError


def code_identity(function: Callable[..., Any]) -> str:
    """Return a hash of what a function computes (16 hexadecimal digits), the same on every version of Python.

    Two functions of one syntax tree that read equal constants have one identity, whatever they are called and however
    they are laid out. The syntax tree leaves out docstrings, annotations and the function's own name. Constants are
    the numbers, strings, tuples, arrays and functions that it reads from its closure and its module. Functions of
    installed libraries count by their qualified name.

    Parameters
    ----------
    function : callable
        A plain function, a lambda, a ``functools.partial``, or a function of a library.

    Returns
    -------
    str

    Raises
    ------
    SpecificationError
        If the function reads an object whose value cannot be told, or has no code at all.

    Examples
    --------
    >>> code_identity(lambda x: x + 1) == code_identity(lambda x:   x + 1)
    True
    """
    return value_identity(function)


def value_identity(value: object) -> str:
    """Return such a hash of any value made of numbers, text, arrays, functions, collections and dataclasses."""
    return hashlib.sha256(repr(_described(value, ())).encode()).hexdigest()[:16]


def _described(value: Any, above: tuple[Any, ...]) -> object:
    """Return nested tuples of strings and numbers that tell a value from every other."""
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
        return type(value).__name__, repr(value)
    if isinstance(value, (enum.Enum, msgspec.UnsetType)):
        return type(value).__name__, str(value)
    if isinstance(value, (tuple, list, set, frozenset)):
        parts = [_described(part, above) for part in value]
        return type(value).__name__, *(sorted(parts, key=repr) if isinstance(value, (set, frozenset)) else parts)
    if isinstance(value, dict):
        return "dict", *((_described(k, above), _described(v, above)) for k, v in value.items())
    if isinstance(value, (np.ndarray, np.generic)):
        array = np.ascontiguousarray(value)
        return "array", str(array.dtype), array.shape, hashlib.sha256(array.tobytes()).hexdigest()
    if isinstance(value, functools.partial):
        return (
            "partial",
            _described(value.func, above),
            _described(value.args, above),
            _described(value.keywords, above),
        )
    if isinstance(value, types.ModuleType):
        return "module", value.__name__
    if isinstance(value, types.MethodType):
        return "method", _described(value.__func__, above), _described(value.__self__, above)
    # The name of a lambda or of a function made by another one does not tell it.
    if isinstance(value, types.FunctionType) and not ("<" not in value.__qualname__ and _is_installed(value)):
        return _described_function(value, above)
    if callable(value) and getattr(value, "__module__", None) and getattr(value, "__qualname__", None):
        return "named", value.__module__, value.__qualname__
    if hasattr(value, "__dataclass_fields__"):
        return type(value).__name__, *((n, _described(getattr(value, n), above)) for n in value.__dataclass_fields__)
    if isinstance(value, np.ufunc):
        return "named", "numpy", value.__name__
    raise SpecificationError(
        f"a function reads {value!r}, whose value cannot be told; it may read numbers, text, tuples, arrays, functions"
    )


def _is_installed(value: types.FunctionType | types.ModuleType) -> bool:
    name = value.__module__ if isinstance(value, types.FunctionType) else value.__name__
    if str(name).partition(".")[0] == __name__.partition(".")[0]:
        return True
    file = value.__code__.co_filename if isinstance(value, types.FunctionType) else getattr(value, "__file__", None)
    if file is None or file.startswith("<frozen"):
        return True
    return "site-packages" in file or "dist-packages" in file or file.startswith(sysconfig.get_path("stdlib"))


def _described_function(function: types.FunctionType, above: tuple[Any, ...]) -> object:
    if function in above:
        return "recursion", above.index(function)
    inside = (*above, function)
    read = dict(_read(function.__code__, function.__globals__))
    # Empty cells, unbound names and builtins have no value that could change the identity.
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    read |= {name: cell.cell_contents for name, cell in cells if cell != types.CellType()}
    return (
        "function",
        _syntax(function),
        _described(function.__defaults__, inside),
        _described(function.__kwdefaults__, inside),
        *((name, _described(read[name], inside)) for name in sorted(read)),
    )


def _read(code: types.CodeType, names: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the global names that code reads, with values; of a module of the user's, the attribute that it reads."""
    instructions = list(dis.get_instructions(code))
    for instruction, following in zip(instructions, [*instructions[1:], None], strict=True):
        if instruction.opname not in ("LOAD_GLOBAL", "LOAD_NAME") or instruction.argval not in names:
            continue
        name, value = instruction.argval, names[instruction.argval]
        if isinstance(value, types.ModuleType) and not _is_installed(value) and following is not None:
            name, value = f"{name}.{following.argval}", getattr(value, str(following.argval), None)
        yield name, value
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _read(constant, names)


def _syntax(function: types.FunctionType) -> object:
    """Return the normalised syntax tree or, without a source, the compiled code."""
    try:
        source = textwrap.dedent(inspect.getsource(function))
        tree = _node_of(function, ast.parse(_completed(source)))
    except (OSError, TypeError, SyntaxError, IndentationError):
        tree = None
    if tree is None:
        return _compiled(function.__code__)
    return _dumped(_Normalised().visit(tree))


def _dumped(node: object) -> object:
    """Return a tree as nested tuples without empty fields: ``ast.dump`` differs between versions of Python."""
    if isinstance(node, ast.AST):
        fields = ((name, getattr(node, name, None)) for name in node._fields)
        return type(node).__name__, *((name, _dumped(value)) for name, value in fields if value not in (None, []))
    if isinstance(node, list):
        return tuple(_dumped(part) for part in node)
    return repr(node)


def _completed(source: str) -> str:
    """Return source that parses: a lambda in the middle of a call comes with the rest of its line."""
    try:
        ast.parse(source)
    except SyntaxError:
        start = source.index("lambda")
        for end in range(len(source), start, -1):
            try:
                ast.parse(source[start:end].strip(), mode="eval")
            except SyntaxError:
                continue
            return source[start:end].strip()
        raise
    return source


def _node_of(function: types.FunctionType, tree: ast.AST) -> ast.AST | None:
    """Return the definition of a function in the source that it comes from; None if several lambdas fit."""
    kind: type[ast.Lambda] | type[ast.FunctionDef] = ast.Lambda if function.__name__ == "<lambda>" else ast.FunctionDef
    arguments = inspect.getfullargspec(function).args
    fitting = [
        node for node in ast.walk(tree) if isinstance(node, kind) and [a.arg for a in node.args.args] == arguments
    ]
    if kind is ast.FunctionDef:
        return fitting[0] if fitting else None
    own = _bare(function.__code__)
    codes = [node for node in fitting if isinstance(node, ast.Lambda) and _lambda_code(node) == own]
    return codes[0] if codes else (fitting[0] if len(fitting) == 1 else None)


def _lambda_code(node: ast.Lambda) -> object:
    expression = ast.Expression(body=node)
    compiled = compile(ast.fix_missing_locations(expression), "<lambda>", "eval")
    return next((_bare(part) for part in compiled.co_consts if isinstance(part, types.CodeType)), None)


def _bare(code: types.CodeType) -> object:
    constants = tuple(_bare(part) if isinstance(part, types.CodeType) else repr(part) for part in code.co_consts)
    return constants, code.co_names, code.co_varnames


def _compiled(code: types.CodeType) -> object:
    constants = [_compiled(c) if isinstance(c, types.CodeType) else repr(c) for c in code.co_consts]
    return "code", code.co_code.hex(), constants, code.co_names


class _Normalised(ast.NodeTransformer):
    """Leave out what a function does not compute with: its name, decorators, annotations, docstrings."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        body = node.body
        if (
            isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
            and isinstance(body[0].value.value, str)
        ):
            body = body[1:] or [ast.Pass()]
        # Statements as the parts of a tuple do not compile, but are dumped.
        return ast.Lambda(args=node.args, body=ast.Tuple(elts=body, ctx=ast.Load()))  # type: ignore[arg-type]  # statements, not expressions

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return ast.arg(arg=node.arg)
