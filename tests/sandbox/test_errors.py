import pytest

from sandbox.errors import CATALOGUE, Code, InputError, LimitError, PeerError, Refused, TidegateError, describe


@pytest.mark.parametrize("code", list(Code))
def test_every_code_has_a_sentence_and_a_remedy(code: Code) -> None:
    error = InputError(code)
    assert error.sentence.endswith((".", "!"))
    assert error.remedy.endswith(".")
    assert CATALOGUE[code]


def test_details_show_here_and_only_here() -> None:
    assert "line 7" in describe(Code.DATA_NOT_NUMERIC, {"line": 7, "column": "age"}).lower()
    assert "7" not in describe(Code.DATA_NOT_NUMERIC)


@pytest.mark.parametrize(
    "error",
    [
        TidegateError(Code.SITE_LOST, site="bern", limit=30),
        PeerError(Code.SITE_RESTARTED, site="bern"),
        LimitError(Code.LIMIT_TIME, what="a step", limit=1, site="bern"),
        Refused("bern", Code.RULE_MIN_ROWS),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_of_a_site_names_it_in_one_way(error: TidegateError) -> None:
    assert (error.site, error.details["site"]) == ("bern", "bern")
    again = TidegateError(error.code, **error.details)
    assert (again.site, again.sentence) == ("bern", error.sentence)


def test_an_error_of_nobody_in_particular_names_no_site() -> None:
    error = InputError(Code.JOB_INVALID, reason="x")
    assert error.site is None
    assert "site" not in error.details
