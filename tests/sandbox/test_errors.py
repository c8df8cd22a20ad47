import pytest

from sandbox.errors import CATALOGUE, Code, InputError, describe


@pytest.mark.parametrize("code", list(Code))
def test_every_code_has_a_sentence_and_a_remedy(code: Code) -> None:
    error = InputError(code)
    assert error.sentence.endswith((".", "!"))
    assert error.remedy.endswith(".")
    assert CATALOGUE[code]


def test_details_show_here_and_only_here() -> None:
    assert "line 7" in describe(Code.DATA_NOT_NUMERIC, {"line": 7, "column": "age"}).lower()
    assert "7" not in describe(Code.DATA_NOT_NUMERIC)
