"""Records as strict JSON: a frozen dataclass is the only definition of its file, read and written by msgspec.

JSON has no number that is not finite. Such a number is written as null, and the type of its field says which number
null stands for. Every file has its ``schema_version``.
"""

from __future__ import annotations

import inspect as python_inspect
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast

import msgspec
from msgspec import inspect

from theory_check.foundation.errors import SpecificationError, StorageError
from theory_check.foundation.files import read_bytes

_T = TypeVar("_T")


def _or_null(null: float, description: str) -> msgspec.Meta:
    """Describe a number that is null in the file if it is not finite."""
    return msgspec.Meta(description=description, extra={"null": null}, extra_json_schema={"nullable": True})


Probability = Annotated[float, msgspec.Meta(ge=0, le=1)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]
LowerEnd = Annotated[float, _or_null(-math.inf, "A lower end; null if open, that is minus infinity.")]
UpperEnd = Annotated[float, _or_null(math.inf, "An upper end; null if open, that is infinity.")]
Estimate = Annotated[float, _or_null(math.nan, "An estimate; null if it is not a finite number.")]
Deviation = Annotated[float, _or_null(math.inf, "A deviation; null if no finite one is known.")]
LogEvidence = Annotated[
    float,
    _or_null(-math.inf, "Natural logarithm of an e-value against the statement; null if it is minus infinity."),
]


class _Versioned(msgspec.Struct):
    schema_version: int


def encode_record(record: object, version: int, name: str) -> bytes:
    r"""Return a record as one line of JSON: equal records give equal bytes.

    Parameters
    ----------
    record : dataclass instance
        Scalars of NumPy are written as numbers.
    version : int
        The ``schema_version`` of the file.
    name : str
        What the record is, for the error.

    Returns
    -------
    bytes

    Raises
    ------
    SpecificationError
        If a value is outside the constraints of its field (a level of 2).

    Examples
    --------
    >>> from dataclasses import make_dataclass
    >>> Point = make_dataclass("Point", [("x", float)])
    >>> encode_record(Point(0.5), 1, "point")
    b'{"schema_version":1,"x":0.5}\n'
    """
    # Fields stay in the order of their definition, keys of dictionaries are sorted.
    encoder = msgspec.json.Encoder(enc_hook=lambda scalar: scalar.item(), order="deterministic")
    content = encoder.encode(record)
    try:
        _decoded(content, type(record))
    except msgspec.ValidationError as error:
        raise SpecificationError(f"the {name} does not fit its schema: {error}") from error
    return b'{"schema_version":%d,%b\n' % (version, content[1:])


def load_record(path: Path, kind: type[_T], versions: Sequence[int], name: str) -> _T:
    """Read what :func:`encode_record` returned.

    Parameters
    ----------
    path : Path
        The file.
    kind : type
        The dataclass of the record.
    versions : sequence of int
        Accepted versions. A field that an earlier one lacks has a default.
    name : str
        What the file should hold, for the error.

    Returns
    -------
    kind

    Raises
    ------
    StorageError
        If the file cannot be read or is not such a record.

    Examples
    --------
    >>> from dataclasses import make_dataclass
    >>> from tempfile import TemporaryDirectory
    >>> Point = make_dataclass("Point", [("x", float)])
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "point.json")
    ...     _ = path.write_bytes(encode_record(Point(0.5), 1, "point"))
    ...     load_record(path, Point, [1], "a point")
    Point(x=0.5)
    """
    return decode_record(read_bytes(path), kind, versions, str(path), name)


def decode_record(content: bytes, kind: type[_T], versions: Sequence[int], source: str, name: str | None = None) -> _T:
    """Return the record whose :func:`encode_record` this is.

    Parameters
    ----------
    content : bytes
    kind : type
        The dataclass of the record.
    versions : sequence of int
        Accepted versions.
    source : str
        Where it comes from, for the error.
    name : str, optional
        What it should be, for the error.

    Returns
    -------
    kind

    Raises
    ------
    StorageError
        If it is not such a record.

    Examples
    --------
    >>> from dataclasses import make_dataclass
    >>> Point = make_dataclass("Point", [("x", float)])
    >>> decode_record(b'{"schema_version":1,"x":0.5}', Point, [1], "a point")
    Point(x=0.5)
    """
    try:
        version = msgspec.json.decode(content, type=_Versioned).schema_version
        if version not in versions:
            accepted = " or ".join(map(str, versions))
            raise StorageError(f"cannot read {source}: schema version {version}, accepted is {accepted}")
        return _decoded(content, kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StorageError(f"cannot read {source}: not {name or 'a record'} of theory-check: {error}") from error


def _decoded(content: bytes, kind: type[_T]) -> _T:
    return msgspec.convert(_filled(msgspec.json.decode(content), inspect.type_info(kind)), kind)


def _filled(value: Any, kind: inspect.Type) -> Any:
    """Return decoded JSON with numbers in place of the nulls that stand for them in a value of this type."""
    match kind, value:
        case inspect.Metadata(extra={"null": number}), None:
            return number
        case inspect.Metadata(type=inner), _:
            return _filled(value, inner)
        case inspect.DataclassType(fields=fields), dict():
            return value | {f.name: _filled(value[f.name], f.type) for f in fields if f.name in value}
        case inspect.DictType(value_type=item), dict():
            return {key: _filled(part, item) for key, part in value.items()}
        case inspect.VarTupleType(item_type=item), list():
            return [_filled(part, item) for part in value]
        case inspect.TupleType(item_types=items), list() if len(items) == len(value):
            return [_filled(part, item) for part, item in zip(value, items, strict=True)]
        case inspect.NamedTupleType(fields=fields), list() if len(fields) == len(value):
            return [_filled(part, field.type) for part, field in zip(value, fields, strict=True)]
    return value


def record_schema(kind: type, version: int, title: str) -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of the files of a record.

    Parameters
    ----------
    kind : type
        The dataclass of the record.
    version : int
        The only accepted ``schema_version``.
    title : str
        What a file holds.

    Returns
    -------
    dict

    Examples
    --------
    >>> from dataclasses import make_dataclass
    >>> Point = make_dataclass("Point", [("x", float)])
    >>> record_schema(Point, 1, "A point")["$defs"]["Point"]["required"]
    ['schema_version', 'x']
    """

    def readable(part: dict[str, Any]) -> dict[str, Any]:
        if part.pop("nullable", False):
            part["type"] = ["number", "null"]
        if "description" in part:
            part["description"] = python_inspect.cleandoc(part["description"])
        return part

    schema = json.loads(msgspec.json.encode(msgspec.json.schema(kind)), object_hook=readable)
    top = schema["$defs"][kind.__name__]
    top["properties"] = {"schema_version": {"const": version}} | top["properties"]
    top["required"] = ["schema_version", *top["required"]]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title} | cast(dict[str, Any], schema)
