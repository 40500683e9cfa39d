"""Documents that fit a JSON schema as pydantic writes it, as far as a schema can say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st
from pydantic import BaseModel

from tests.support.fuzzing import json_values


def documents(model: type[BaseModel]) -> st.SearchStrategy[dict[str, Any]]:
    """Make documents of a model; its own validators may still refuse one."""
    schema = model.model_json_schema()
    return _values(schema, schema.get("$defs", {}))


def _values(schema: Mapping[str, Any], tables: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    if "$ref" in schema:
        return _values(tables[schema["$ref"].rpartition("/")[2]], tables)
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return st.one_of([_values(one, tables) for one in schema[several]])
    made = {
        "string": _texts,
        "integer": _integers,
        "number": _numbers,
        "boolean": lambda _: st.booleans(),
        "null": lambda _: st.none(),
        "array": lambda one: _arrays(one, tables),
        "object": lambda one: _objects(one, tables),
    }
    return made[schema["type"]](schema) if "type" in schema else json_values()


def _texts(schema: Mapping[str, Any]) -> st.SearchStrategy[str]:
    if schema.get("format") == "date-time":
        return st.datetimes(timezones=st.just(None)).map(lambda one: f"{one.isoformat()}Z")
    if schema.get("format") == "date":
        return st.dates().map(str)
    if "pattern" in schema:
        return st.from_regex(schema["pattern"], fullmatch=True)
    return st.text(max_size=12)


def _integers(schema: Mapping[str, Any]) -> st.SearchStrategy[int]:
    least, most = schema.get("minimum"), schema.get("maximum")
    return st.integers(least, most)


def _numbers(schema: Mapping[str, Any]) -> st.SearchStrategy[float]:
    return st.floats(
        schema.get("minimum", schema.get("exclusiveMinimum")),
        schema.get("maximum", schema.get("exclusiveMaximum")),
        allow_nan=False,
        allow_infinity=False,
        exclude_min="exclusiveMinimum" in schema,
        exclude_max="exclusiveMaximum" in schema,
    )


def _arrays(schema: Mapping[str, Any], tables: Mapping[str, Any]) -> st.SearchStrategy[list[Any]]:
    if "prefixItems" in schema:
        return st.tuples(*(_values(one, tables) for one in schema["prefixItems"])).map(list)
    least = schema.get("minItems", 0)
    return st.lists(_values(schema.get("items", {}), tables), min_size=least, max_size=least + 2)


def _objects(
    schema: Mapping[str, Any], tables: Mapping[str, Any]
) -> st.SearchStrategy[dict[str, Any]]:
    properties = {name: _values(one, tables) for name, one in schema.get("properties", {}).items()}
    required = {name: one for name, one in properties.items() if name in schema.get("required", ())}
    optional = {name: one for name, one in properties.items() if name not in required}
    if properties:
        return st.fixed_dictionaries(required, optional=optional)
    values = schema.get("additionalProperties", {})
    inner = _values(values if isinstance(values, Mapping) else {}, tables)
    return st.dictionaries(st.text(max_size=8), inner, max_size=2)
