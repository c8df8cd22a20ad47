"""An offer is hashed here, not believed; and what makes it another job voids an upload."""

from __future__ import annotations

import msgspec
import pytest

from policies import built_in
from remote.runs.offer import is_contract_of, is_other_job, read_offer
from remote.runs.phase import TRANSITIONS, Phase, RunInput, follow
from sandbox.contract import Column, Contract
from sandbox.errors import Code, InputError
from sandbox.job import ColumnSpec, JobSpec, Target
from sandbox.wire.link import JobOffer, JobState
from tests.remote.offers import CONTRACT, broken_pair, offer, simice

POLICY = built_in("default")


def chained(n_chains: int, imputations: int = 20) -> JobSpec:
    return JobSpec((Target("score", "continuous"),), seed=7, imputations=imputations, parameters={"chains": n_chains})


def test_a_true_offer_has_no_problem() -> None:
    pair, problem = read_offer(offer(), "site-a", POLICY)
    assert problem is None
    assert pair is not None
    assert pair.digest == simice().digest


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"remote_source": simice().remote_source + b"\n"}, Code.PAIR_DIGEST),
        ({"central_source": simice().central_source + b"\n"}, Code.PAIR_DIGEST),
        ({"manifest": simice().manifest_bytes + b"\n"}, Code.PAIR_DIGEST),
        ({"digest": "0" * 64}, Code.PAIR_DIGEST),
        ({"digest": broken_pair().digest}, Code.PAIR_DIGEST),
        ({"manifest": b"name = 1"}, Code.MANIFEST_INVALID),
        ({"remote_source": b"\xff\xfe"}, Code.PAIR_SOURCE),
        ({"remote_source": b"#" * (POLICY.max_source_bytes + 1)}, Code.PAIR_SOURCE),
        ({"spec": JobSpec(())}, Code.JOB_TARGETS),
        ({"spec": chained(9)}, Code.LIMIT_CHAINS),
        ({"spec": chained(9, imputations=8)}, Code.JOB_PARAMETERS),
        ({"spec": chained(17)}, Code.JOB_PARAMETERS),
        ({"participants": ("site-b",)}, Code.JOB_PARTICIPANTS),
        ({"contract": Contract((Column("age"),))}, Code.JOB_INVALID),
        ({"contract": Contract((*CONTRACT.columns[:2], Column("score", "target", "binary", ("0", "1"))))}, Code.JOB_INVALID),
        ({"contract": Contract((*CONTRACT.columns, Column("pulse", "target", "continuous")))}, Code.JOB_INVALID),
        ({"contract": Contract((*CONTRACT.columns[1:], *CONTRACT.columns[1:]))}, Code.JOB_INVALID),
        ({"contract": Contract(CONTRACT.columns[:2])}, Code.JOB_INVALID),
        ({"contract": msgspec.structs.replace(CONTRACT, missing=("", "63"))}, Code.JOB_INVALID),
        ({"spec": JobSpec((Target("score", "continuous"),), seed=7, columns={"dose": "ignored"})}, Code.JOB_INVALID),
    ],
)
def test_an_offer_that_is_not_what_it_says_has_a_problem(changes: dict[str, object], code: Code) -> None:
    assert read_offer(offer(**changes), "site-a", POLICY)[1] is code


@pytest.mark.parametrize(
    "changes",
    [
        {"contract": None},
        {"contract": msgspec.structs.replace(CONTRACT, missing=("", "-9"))},
        {"spec": JobSpec((Target("score", "continuous"),), seed=8, imputations=2)},
        {"digest": "0" * 64},
        {"remote_source": broken_pair().remote_source},
        {"central_source": b""},
    ],
)
def test_another_contract_specification_or_pair_is_another_job(changes: dict[str, object]) -> None:
    assert is_other_job(offer(), offer(**changes))


def test_board_and_state_do_not_make_another_job() -> None:
    other: JobOffer = offer(board=(), state=JobState.RUNNING, name="renamed")
    assert not is_other_job(offer(), other)


def test_a_running_run_cannot_be_voided_and_an_ended_one_stays_ended() -> None:
    with pytest.raises(InputError):
        follow(Phase.RUNNING, RunInput.VOID)
    assert not [phase for phase, _ in TRANSITIONS if phase is Phase.ENDED]


def test_every_phase_can_end() -> None:
    for phase in Phase:
        if phase is not Phase.ENDED:
            assert follow(phase, RunInput.END) is Phase.ENDED


OPEN = JobSpec((Target("y", "continuous"),), seed=7, columns={"a": "predictor", "g": ColumnSpec(type="categorical", missing=("-8",))})


@pytest.mark.parametrize(
    ("name", "column", "is_allowed"),
    [
        ("free", Column("free", "predictor"), True),
        ("free", Column("free", "predictor", "categorical", ("x", "y", "z"), 2, why="it has 3 different texts"), True),
        ("free", Column("free", "predictor", "binary", ("x", "y")), True),
        ("free", Column("free", "ignored", "id", why="it numbers the rows or the people"), True),
        ("free", Column("free", "ignored", "date"), True),
        ("free", Column("free", "target", "continuous"), False),
        ("free", Column("free", "predictor", "ordinal", ("x", "y", "z")), False),
        ("free", Column("free", "predictor", None, ("x", "y")), False),
        ("free", Column("free", "ignored", "binary", ("x", "y")), False),
        ("free", Column("free", "predictor", missing=("63",)), False),
        ("a", Column("a", "predictor", "categorical", ("x", "y", "z")), True),
        ("a", Column("a", "ignored"), False),
        ("g", Column("g", "predictor", "categorical", ("x", "y", "z"), 1, ("-8",)), True),
        ("g", Column("g", "predictor", "categorical", ("x", "y", "z"), 1), False),
        ("g", Column("g", "predictor", None, None, 0, ("-8",)), False),
    ],
)
def test_central_decides_of_a_column_what_its_job_leaves_open_and_nothing_else(name: str, column: Column, is_allowed: bool) -> None:
    decided = {
        "y": Column("y", "target", "continuous"),
        "a": Column("a", "predictor"),
        "g": Column("g", "predictor", "categorical", ("1", "2", "3"), 0, ("-8",)),
        "free": Column("free", "predictor"),
    }
    contract = Contract(tuple({**decided, name: column}.values()))
    assert is_contract_of(contract, OPEN) is is_allowed


def test_levels_and_reference_of_a_job_are_those_of_its_contract() -> None:
    spec = JobSpec((Target("y", "continuous"),), columns={"g": ColumnSpec(levels=("b", "a", "c"))})
    y = Column("y", "target", "continuous")
    assert is_contract_of(Contract((y, Column("g", "predictor", "categorical", ("b", "a", "c")))), spec)
    for column in (Column("g", "predictor", "categorical", ("a", "b", "c")), Column("g", "predictor", "categorical", ("b", "a", "c"), 1)):
        assert not is_contract_of(Contract((y, column)), spec)
