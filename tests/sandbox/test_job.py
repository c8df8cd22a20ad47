from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sandbox.contract import DEFAULT_MISSING
from sandbox.errors import Code, InputError
from sandbox.job import JobSpec, Target, check_job, draft_contract, job_from_table, n_sweeps, parse_job, resolve_columns, sweeps
from sandbox.manifest import Manifest, load_pair, parse_manifest

ALGORITHMS = Path(__file__).parents[2] / "algorithms"

MANIFEST = """
name = "X"
version = "1.0.0"
title = "t"
access = "blind"
[capabilities]
targets = "{targets}"
target_types = ["continuous"{binary}]
[parameters.properties.ridge]
type = "number"
default = 0.0
minimum = 0.0
title = "Ridge"
[steps.moments.reply]
moments = {{ kind = "gram" }}
"""


CHAINS = """
[parameters.properties.chains]
type = "integer"
default = 1
minimum = 1
title = "Chains"
"""


def manifest(targets: str = "many", binary: bool = True) -> Manifest:
    text = MANIFEST.format(targets=targets, binary=', "binary"' if binary else "") + (CHAINS if targets == "many" else "")
    return parse_manifest(text.encode())


def failing(spec: JobSpec, of: Manifest | None = None) -> InputError:
    with pytest.raises(InputError) as caught:
        check_job(spec, of or manifest())
    return caught.value


TARGET = Target("bp", "continuous")


def test_a_job_without_a_seed_gets_one_and_defaults_of_parameters() -> None:
    spec = check_job(JobSpec((TARGET,)), manifest())
    assert isinstance(spec.seed, int)
    assert spec.seed != check_job(JobSpec((TARGET,)), manifest()).seed
    assert spec.parameters == {"ridge": 0.0, "chains": 1}


@pytest.mark.parametrize("key", ["iteration_before_first_imputation", "iteration_between_imputations"])
def test_thinning_of_zero_is_refused_with_its_reason(key: str) -> None:
    error = failing(JobSpec((TARGET,), **{key: 0}))
    assert error.code is Code.JOB_THINNING_ZERO
    assert key in str(error)
    assert "identical" in str(error)


def test_one_target_pairs_ignore_the_iteration_keys() -> None:
    spec = JobSpec((TARGET,), imputations=3, iteration_before_first_imputation=0, iteration_between_imputations=0)
    assert [sweep.keeps_imputation for sweep in sweeps(check_job(spec, manifest("one")), manifest("one"))] == [True] * 3


def test_the_schedule_burns_in_then_thins() -> None:
    spec = JobSpec((TARGET,), imputations=3, iteration_before_first_imputation=4, iteration_between_imputations=2)
    assert [sweep.index for sweep in sweeps(spec, manifest()) if sweep.keeps_imputation] == [3, 5, 7]
    assert len(list(sweeps(spec, manifest()))) == 8


def with_chains(n_chains: int, imputations: int, before: int = 4, between: int = 2) -> JobSpec:
    return JobSpec(
        (TARGET,),
        imputations=imputations,
        iteration_before_first_imputation=before,
        iteration_between_imputations=between,
        parameters={"chains": n_chains},
    )


@given(imputations=st.integers(1, 60), n_chains=st.integers(1, 16), before=st.integers(1, 5), between=st.integers(1, 5))
def test_chains_share_the_imputations_and_each_keeps_its_own_schedule(imputations: int, n_chains: int, before: int, between: int) -> None:
    assume(n_chains <= imputations)
    spec = with_chains(n_chains, imputations, before, between)
    kept = [[s.index for s in sweeps(spec, manifest(), chain) if s.keeps_imputation] for chain in range(n_chains)]
    assert sum(len(of_chain) for of_chain in kept) == imputations
    assert {len(of_chain) for of_chain in kept} <= {imputations // n_chains, -(-imputations // n_chains)}
    for chain, of_chain in enumerate(kept):
        assert n_sweeps(spec, manifest(), chain) == len(list(sweeps(spec, manifest(), chain)))
        assert of_chain == [before - 1 + number * between for number in range(len(of_chain))]
        assert len(list(sweeps(spec, manifest(), chain))) == of_chain[-1] + 1, "nothing is drawn after the last imputation"


def test_more_chains_than_imputations_are_refused_with_reason_and_remedy() -> None:
    error = failing(with_chains(5, 4))
    assert error.code is Code.JOB_PARAMETERS
    assert "5 chains for 4 imputations" in str(error)
    assert "ask for as many imputations as chains" in str(error)
    assert check_job(with_chains(4, 4), manifest()).chains == 4


def test_a_chain_that_keeps_one_imputation_needs_no_sweeps_after_it() -> None:
    spec = check_job(with_chains(4, 4, between=0), manifest())
    assert [sweep.index for sweep in sweeps(spec, manifest(), 3)] == [0, 1, 2, 3]
    assert failing(with_chains(4, 5, between=0)).code is Code.JOB_THINNING_ZERO


def test_a_job_of_a_pair_without_chains_has_one() -> None:
    assert JobSpec((TARGET,)).chains == 1
    assert "no such parameter" in str(failing(with_chains(2, 2), manifest("one")))


@pytest.mark.parametrize("given_", [0, -1, 1.5, "2", True])
def test_the_number_of_chains_is_a_whole_number_from_1(given_: object) -> None:
    error = failing(JobSpec((TARGET,), parameters={"chains": given_}))
    assert (error.code, error.details["parameter"]) == (Code.JOB_PARAMETERS, "chains")


def test_the_digest_that_a_site_approves_covers_the_number_of_chains() -> None:
    digests = [check_job(JobSpec((TARGET,), seed=1, parameters={"chains": n}), manifest()).digest for n in (1, 2)]
    assert digests[0] != digests[1]


def test_what_the_pair_cannot_do_is_refused() -> None:
    assert failing(JobSpec(())).code is Code.JOB_TARGETS
    assert failing(JobSpec((TARGET, Target("x", "continuous"))), manifest("one")).code is Code.JOB_TARGETS
    assert "binary" in str(failing(JobSpec((Target("x", "binary"),)), manifest(binary=False)))
    assert failing(JobSpec((Target("x", "continuous", ("a", "b")),))).code is Code.JOB_TARGETS


@pytest.mark.parametrize(("parameters", "name"), [({"ridge": -1}, "ridge"), ({"ridge": "x"}, "ridge"), ({"rigde": 1}, "rigde")])
def test_a_wrong_parameter_is_named(parameters: dict[str, object], name: str) -> None:
    error = failing(JobSpec((TARGET,), parameters=parameters))
    assert error.code is Code.JOB_PARAMETERS
    assert name in str(error)


@pytest.mark.parametrize("imputations", [0, 1001])
def test_the_number_of_imputations_is_bounded(imputations: int) -> None:
    assert failing(JobSpec((TARGET,), imputations=imputations)).code is Code.JOB_INVALID


def test_toml_becomes_a_job_and_an_unknown_key_is_named() -> None:
    spec = parse_job('imputations = 2\n[[targets]]\ncolumn = 3\ntype = "binary"\nlevels = [0, 1]\n[columns]\nage = "ignored"\n')
    assert spec.targets[0].levels == (0, 1)
    with pytest.raises(InputError, match=r"key 'imputation' is none of .* did you mean 'imputations'"):
        parse_job('imputation = 2\n[[targets]]\ncolumn = 3\ntype = "binary"\n')
    with pytest.raises(InputError, match="TOML"):
        parse_job("=")


def test_the_draft_takes_names_and_indices_and_leaves_the_rest_open() -> None:
    spec = JobSpec((Target(2, "continuous"), Target("pain", "binary", ("yes", "no"))), columns={"id": "ignored"})
    contract = draft_contract(spec, ["id", "bp", "pain", "age"])
    assert [column.role for column in contract.columns] == ["ignored", "target", "target", None]
    assert contract.columns[2].levels == ("yes", "no")
    assert not contract.is_frozen


@pytest.mark.parametrize("column", ["weight", 0, 5])
def test_an_unknown_column_is_named(column: str | int) -> None:
    with pytest.raises(InputError) as caught:
        draft_contract(JobSpec((Target(column, "continuous"),)), ["a", "b", "c", "d"])
    assert caught.value.code is Code.JOB_COLUMN_UNKNOWN
    assert str(column) in str(caught.value)


def test_a_column_with_two_roles_is_refused() -> None:
    with pytest.raises(InputError, match="two roles"):
        draft_contract(JobSpec((TARGET,), columns={"bp": "predictor"}), ["bp"])


COLUMNS = """
[[targets]]
column = "sbp"
type = "continuous"
[columns]
age = "predictor"
smoke = { type = "categorical", levels = ["never", "former", "current"] }
sex = { levels = ["f", "m"] }
grade = { levels = [3, 1, 2] }
sbp = { unit = "mmHg", range = [60, 260], missing = [-8, "none"] }
zip = { role = "ignored" }
"""
HEADER = ["sbp", "age", "smoke", "sex", "grade", "zip", "free"]


def test_a_job_says_of_columns_what_they_are() -> None:
    contract = draft_contract(parse_job(COLUMNS), HEADER)
    assert [(c.role, c.type, c.levels, c.missing) for c in contract.columns] == [
        ("target", "continuous", None, ("-8", "none")),
        ("predictor", None, None, ()),
        ("predictor", "categorical", ("never", "former", "current"), ()),
        ("predictor", "binary", ("f", "m"), ()),
        ("predictor", "categorical", ("3", "1", "2"), ()),
        ("ignored", None, None, ()),
        (None, None, None, ()),
    ]
    assert contract.columns[5].why == "the job ignores it"
    assert [indicator.name for indicator in contract.indicators.values()] == ["smoke = former", "smoke = current", "grade = 1", "grade = 2"]


def test_tokens_are_added_to_the_default_ones_or_replace_them() -> None:
    targets = (Target("y", "continuous"),)
    assert JobSpec(targets).tokens == DEFAULT_MISSING
    assert JobSpec(targets, missing=("-9",)).tokens == (*DEFAULT_MISSING, "-9")
    assert JobSpec(targets, missing_only=("-9",)).tokens == ("-9",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("smoke = { typ = 'categorical' }", "in column 'smoke', key 'typ' is none of role, type, levels, .* did you mean 'type'"),
        ("smoke = { type = 'categoric' }", "type 'categoric' is none of continuous, binary, .* did you mean 'categorical'"),
        ("smoke = 'predicter'", "'predicter' is none of predictor, ignored; did you mean 'predictor'"),
        ("smoke = { type = 'categorical', levels = ['a', 'b'] }", "has 2 levels where 3 to 25 are allowed; a column of two is binary"),
        ("smoke = { type = 'binary', levels = ['a', 'b', 'c'] }", "has 3 levels where 2 are allowed"),
        ("smoke = { levels = [1, '1.0', 2] }", "has a level twice; numbers are compared by value"),
        ("smoke = { type = 'count', levels = [1, 2] }", "is count and cannot have levels"),
        ("smoke = { transform = 'log' }", "transform is not acted on yet"),
        ("smoke = { bounds = [0, 1] }", "bounds is not acted on yet"),
        ("smoke = { range = [2, 1] }", "range must be a lower and a higher number"),
    ],
)
def test_what_is_wrong_with_a_column_is_answered_with_what_is_allowed(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        check_job(parse_job(f'[[targets]]\ncolumn = "y"\ntype = "continuous"\n[columns]\n{text}\n'), manifest())


@pytest.mark.parametrize("type_", ["categorical", "ordinal", "count"])
def test_targets_that_have_no_model_yet_are_refused_with_a_sentence(type_: str) -> None:
    with pytest.raises(InputError, match=f"target 'smoke' is {type_}: such a column can be a predictor, but there is no model yet"):
        check_job(parse_job(f'[[targets]]\ncolumn = "smoke"\ntype = "{type_}"\n'), manifest())


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"y": "predictor"}, "given two roles"),
        ({"y": {"type": "binary"}}, "belong to the target"),
        ({"agr": "ignored"}, "nearest name there is 'age'"),
    ],
)
def test_a_column_that_does_not_go_with_the_header_is_named(columns: dict[str, Any], said: str) -> None:
    spec = job_from_table({"targets": [{"column": "y", "type": "continuous"}], "columns": columns})
    with pytest.raises(InputError, match=said):
        draft_contract(spec, ["y", "age"])


def test_a_parameter_that_names_a_column_needs_numbers_or_two_levels() -> None:
    hdmi = load_pair(ALGORITHMS / "HDMI").manifest
    contract = draft_contract(parse_job(COLUMNS), HEADER[:-1])
    with pytest.raises(InputError, match="column 'smoke' has several levels"):
        resolve_columns({"exclusion": "smoke"}, hdmi, contract)
    assert resolve_columns({"exclusion": "sex"}, hdmi, contract) == {"exclusion": 4}


def test_tokens_of_a_job_come_to_the_usual_ones_or_stand_alone() -> None:
    targets = 'targets = [{ column = "bp", type = "continuous" }]\n'
    assert draft_contract(parse_job(targets), ["bp"]).missing == ("", "NA", "NaN", "N/A", "#N/A", "NULL", ".")
    assert parse_job(targets + 'missing = ["-9", "NA"]').tokens == ("", "NA", "NaN", "N/A", "#N/A", "NULL", ".", "-9")
    assert parse_job(targets + 'missing_only = ["-9"]').tokens == ("-9",)
    assert parse_job(targets + 'missing_only = ["-9"]\nmissing = ["x"]').tokens == ("-9", "x")


def test_a_decimal_mark_is_a_point_or_a_comma() -> None:
    targets = 'targets = [{ column = "bp", type = "continuous" }]\n'
    assert parse_job(targets).decimal is None
    assert parse_job(targets + 'decimal = ","').decimal == ","
    with pytest.raises(InputError) as caught:
        parse_job(targets + 'decimal = ";"')
    assert caught.value.code is Code.JOB_INVALID


def test_a_job_finds_a_column_by_its_name_whatever_is_around_it_and_however_its_letters_are_composed() -> None:
    job = 'targets = [{ column = " Gro\u0308\u00dfe", type = "continuous" }]\n[columns]\n"age " = "ignored"'
    contract = draft_contract(parse_job(job), ["Gr\u00f6\u00dfe", "age"])
    assert [column.role for column in contract.columns] == ["target", "ignored"]
