"""Between a reviewer's numbers, the wire and JSON nothing is lost, and nothing is there that JSON has no word for."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sandbox.contract import Column, Contract
from sandbox.errors import Code
from sandbox.manifest import RequestField
from sandbox.reviewer.stated import list_parts
from sandbox.reviewer.values import as_json, to_array, to_request
from sandbox.wire.values import Array, floats

CONTRACT = Contract((Column("age", "predictor"), Column("lab", "target", "continuous"), Column("event", "target", "binary", ("0", "1"))))


@pytest.mark.parametrize("dtype", ["<f8", "<i8"])
def test_an_array_of_the_wire_keeps_its_shape_and_numbers_and_can_be_written_to(dtype: str) -> None:
    numbers = np.arange(6).reshape(2, 3).astype(dtype)
    found = to_array(Array(dtype, (2, 3), numbers.tobytes()))  # type: ignore[arg-type]
    np.testing.assert_array_equal(found, numbers)
    found[0, 0] = 9
    assert to_array(floats([2.5], ())).shape == ()


def test_a_request_takes_numbers_arrays_and_names_of_columns() -> None:
    declared = {"target": RequestField("column"), "ridge": RequestField("float"), "beta": RequestField("float", ("q",))}
    found = to_request({"target": "event", "ridge": np.int64(2), "beta": np.array([1, 2]), "more": "text"}, declared, CONTRACT)
    assert found == {"target": 3, "ridge": 2.0, "beta": floats([1.0, 2.0]), "more": "text"}
    assert isinstance(found["ridge"], float)
    assert to_request({"target": np.int64(2), "flag": np.True_}, declared, CONTRACT) == {"target": 2, "flag": True}


def test_a_name_that_no_column_has_and_what_is_no_number_are_errors_of_the_file() -> None:
    with pytest.raises(ValueError, match="age, lab, event"):
        to_request({"target": "sex"}, {"target": RequestField("column")}, CONTRACT)
    with pytest.raises((TypeError, ValueError)):
        to_request({"beta": [object()]}, {}, CONTRACT)


def test_json_has_arrays_as_lists_and_null_for_what_is_no_finite_number() -> None:
    found = as_json({1: np.array([[1.5, np.nan]]), "n": np.int64(3), "b": np.True_, "t": (1, None, np.inf), "c": Code.RULE_UNITS, "x": 1j})
    assert json.loads(json.dumps(found, allow_nan=False)) == {
        "1": [[1.5, None]],
        "n": 3,
        "b": True,
        "t": [1, None, None],
        "c": "rule.units",
        "x": "1j",
    }


def test_the_parts_of_a_card_are_listed_with_what_they_are_about() -> None:
    fields = {
        "card": {"n": Array("<i8", (), (7).to_bytes(8, "little")), "gram": floats(range(16), (4, 4))},
        "fit.3": {"beta": floats([1, 2, 3])},
        "point.3": {"beta": floats([4, 5, 6]), "gradient": floats([7, 8, 9])},
    }
    found = list_parts(fields, CONTRACT)
    assert [(p["what"], p["target"], p["point"], p["field"], p["part"]) for p in found] == [
        ("card", None, None, "card", "n"),
        ("card", None, None, "card", "gram"),
        ("fit", "event", None, "fit.3", "beta"),
        ("point", "event", [4, 5, 6], "point.3", "beta"),
        ("point", "event", [4, 5, 6], "point.3", "gradient"),
    ]
    assert found[1]["values"].shape == (4, 4)
    assert found[4]["values"].tolist() == [7, 8, 9]
