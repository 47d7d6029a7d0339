"""The built front end is that of its source, and its types are those of the records."""

from __future__ import annotations

import json

from labextension import records, seal


def test_types_of_the_front_end_are_those_of_the_records():
    assert records.PLACE.read_text() == records.source(), "run make labextension"


def test_the_built_front_end_is_that_of_its_source():
    assert seal.PLACE.read_text().strip() == seal.digest(), "run make labextension"


def test_every_schema_is_built_in():
    built = seal.PLACE.parent / "schemas" / "mlops-nb"
    for schema in (seal.FOLDER / "schema").iterdir():
        assert json.loads((built / schema.name).read_text()) == json.loads(schema.read_text())


def test_the_lock_of_the_front_end_has_no_address():
    assert "://" not in (seal.FOLDER / "yarn.lock").read_text()
