"""Documents of a store: whatever bytes lie there, a valid document is read, or it is refused."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterator
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

import forecastlab.contracts
from forecastlab.contracts.canonical import canonical_bytes, parse_document
from forecastlab.contracts.errors import DataMalformed
from forecastlab.contracts.records import Document, ForecastRecord
from tests.support.documents import record_document
from tests.support.fuzzing import ODD, altered, damaged, json_values, survived, tries
from tests.support.schema_documents import documents


def stored_kinds(kind: type[Document] = Document) -> Iterator[type[Document]]:
    """Yield every document that has a schema version, and so a key of its own in a store."""
    for one in kind.__subclasses__():
        yield from ([one] if "schema_version" in one.model_fields else [])
        yield from stored_kinds(one)


for module in pkgutil.iter_modules(forecastlab.contracts.__path__):
    importlib.import_module(f"{forecastlab.contracts.__name__}.{module.name}")

KINDS: Final = sorted(set(stored_kinds()), key=lambda one: one.__name__)


def refused_or_whole(kind: type[Document], data: bytes) -> None:
    """Demand that bytes are refused, or are a document that is the same once written again."""
    found = survived(kind.parse, data, what="x")
    if found is not None:
        again = kind.parse(found.stored(), what="x")
        assert again == found
        assert again.stored() == found.stored()


def test_every_kind_of_document_is_tried() -> None:
    names = {one.__name__ for one in KINDS}
    assert {"ForecastRecord", "LatestPointer", "Manifest", "RegistryEvent", "RunReport"} <= names
    assert len(KINDS) > 20


@pytest.mark.parametrize("kind", KINDS, ids=lambda one: one.__name__)
def test_a_document_is_read_or_refused(kind: type[Document]) -> None:
    @tries(8)
    @given(data=st.data())
    def tried(data: st.DataObject) -> None:
        document = data.draw(documents(kind))
        refused_or_whole(kind, json.dumps(document).encode())
        changed = data.draw(altered(document)) if document else {}
        refused_or_whole(kind, json.dumps(changed).encode())
        refused_or_whole(kind, data.draw(damaged(json.dumps(changed).encode())))

    tried()


@tries(30)
@given(data=damaged(canonical_bytes(record_document())))
def test_a_damaged_record_is_read_or_refused(data: bytes) -> None:
    refused_or_whole(ForecastRecord, data)


@tries(30)
@given(document=altered(record_document()))
def test_an_altered_record_is_read_or_refused(document: Any) -> None:
    refused_or_whole(ForecastRecord, json.dumps(document).encode())


@tries(75)
@given(data=damaged(canonical_bytes(record_document()), *(b'{"a": %s}' % one for one in ODD)))
def test_what_is_read_as_json_can_be_written_as_json(data: bytes) -> None:
    found = survived(parse_document, data, what="x")
    if found is not None:
        assert parse_document(canonical_bytes(found), what="x") == found


@tries(50)
@given(value=json_values())
def test_what_is_written_is_read(value: Any) -> None:
    document = {"a": value}
    found = survived(parse_document, json.dumps(document).encode(), what="x")
    assert found in (None, document)


@pytest.mark.parametrize(
    "data",
    [
        b'{"a": "\\ud800"}',
        b'{"\\udfff": 1}',
        b'{"a": "\xed\xa0\x80"}',
        '{"a": 1}'.encode("utf-16"),
        b'\xef\xbb\xbf{"a": 1}',
        b'{"a": 1e999}',
        b'{"a": -1e999}',
        b'{"a": 1%s}' % (b"0" * 400),
        b'{"a": 1%s}' % (b"0" * 9000),
        b'{"a": NaN}',
        b'{"a": 1, "a": 1}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
    ids=lambda one: repr(one[:20]),
)
def test_what_could_not_be_written_again_is_refused(data: bytes) -> None:
    with pytest.raises(DataMalformed):
        parse_document(data, what="x")
