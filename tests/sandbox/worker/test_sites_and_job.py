"""What a central module can ask, tell and read, and what the runner makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.contract import Column, Contract
from sandbox.errors import Code
from sandbox.job import JobSpec, Target, check_job
from sandbox.manifest import parse_manifest
from sandbox.wire.messages import (
    Ask,
    Constants,
    Failed,
    Finished,
    FitRecord,
    Impute,
    KeepNow,
    LogEvent,
    Message,
    Program,
    Progress,
    Replies,
    Tell,
)
from sandbox.wire.values import Array, Record, floats
from sandbox.worker.program import ENTRY, load
from sandbox.worker.runner import run_impute

MANIFEST = b"""
name = "T"
version = "1.0.0"
title = "Test"
access = "blind"
[capabilities]
targets = "many"
target_types = ["continuous", "binary"]
[parameters.properties.ridge]
type = "number"
default = 0.5
title = "Ridge"
[steps.moments.request]
target = { type = "column" }
[steps.moments.reply]
moments = { kind = "gram" }
[steps.score.request]
target = { type = "column" }
beta = { type = "float", shape = ["q"] }
[steps.score.reply]
score = { kind = "glm_score" }
[steps.set.request]
target = { type = "column" }
sigma = { type = "float" }
times = { type = "int" }
flag = { type = "bool" }
[steps.set.reply]
"""
CONTRACT = Contract(
    (Column("id", "ignored"), Column("y", "target", "continuous"), Column("x", "predictor"), Column("z", "target", "binary", ("a", "b")))
)
ONE = floats([0.0, 0.0, 0.0])
START = Impute(
    check_job(
        JobSpec((Target("y", "continuous"), Target("z", "binary")), imputations=2, iteration_before_first_imputation=1, seed=3),
        parse_manifest(MANIFEST),
    ),
    CONTRACT,
    Constants(ONE, floats([1.0, 1.0, 1.0]), ONE),
    ("central", "s1"),
    "aa" * 32,
    "bb" * 32,
)


def gram(n: int) -> Record:
    count = Array("<i8", (), n.to_bytes(8, "little"))
    XX = [float(n * (i == j)) for i in range(3) for j in range(3)]
    return {"n": count, "XX": floats(XX, (3, 3)), "Xy": floats([float(n)] * 3), "yy": floats([8.0 * n], ())}


class FakeLine:
    """Answers from a list; remembers everything."""

    def __init__(self, answers: list[Replies]) -> None:
        self.said: list[Message] = []
        self._answers = answers

    def ask(self, question: Ask | KeepNow) -> Replies:
        self.said.append(question)
        return self._answers.pop(0) if isinstance(question, Ask) else Replies()

    def note(self, message: Message) -> None:
        self.said.append(message)


def run(body: str, *answers: Replies) -> tuple[FakeLine, Finished | Failed]:
    """Run `impute` whose body is `body` (from line 5 on) against canned answers."""
    head = "import numpy as np\nfrom tidegate import Refused, estimation\n\ndef impute(job, sites):\n"
    source = head + "\n".join(f"    {line}" for line in body.splitlines())
    manifest = parse_manifest(MANIFEST)
    module = load(Program("central", source.encode(), MANIFEST, 100_000), manifest)
    assert module.findings == ()
    line = FakeLine(list(answers))
    return line, run_impute(module.functions[ENTRY], START, manifest, line)


def checks(body: str, *answers: Replies) -> None:
    """Run a body of assertions of the pair itself."""
    assert run(body, *answers)[1] == Finished()


GRAMS = Replies(({"moments": gram(10)}, {"moments": gram(5)}))


def test_job_tells_what_the_job_asks_for() -> None:
    checks(
        "y, z = job.targets\n"
        "assert (y.column, y.name, y.type, y.family) == (2, 'y', 'continuous', 'gaussian')\n"
        "assert (z.column, z.name, z.type, z.family) == (4, 'z', 'binary', 'binomial')\n"
        "assert [c.name for c in job.columns] == ['id', 'y', 'x', 'z']\n"
        "assert [(c.index, c.role) for c in job.columns][0] == (1, 'ignored')\n"
        "assert job.parameters['ridge'] == 0.5 and job.n_coefficients == 3\n"
        "assert len(job.rng.normal(4)) == 4"
    )


@pytest.mark.parametrize("body", ["job.parameters['ridge'] = 1", "job.targets[0] = 1", "del job.parameters['ridge']"])
def test_job_is_read_only(body: str) -> None:
    assert run(body)[1] == Failed(Code.WORKER_RAISED, line=5)


@pytest.mark.parametrize("name", ["last_target", "report_fits", "ask"])
def test_the_runners_own_methods_are_not_offered(name: str) -> None:
    assert run(f"sites.{name}()")[1] == Failed(Code.WORKER_RAISED, line=5)
    assert run(f"job.{name}()")[1] == Failed(Code.WORKER_RAISED, line=5)


def test_sum_adds_all_participants_and_each_keeps_them_apart() -> None:
    checks("total = sites.sum('moments', target=2)['moments']\nassert total.n == 15 and total.XX[0, 0] == 15 and total.yy == 120", GRAMS)
    checks("first, second = sites.each('moments', target=2)\nassert (first['moments'].n, second['moments'].n) == (10, 5)", GRAMS)
    line, _ = run("sites.central('moments', target=2)", Replies(({"moments": gram(10)},)))
    assert line.said == [Ask("central", "moments", {"target": 2})]


def test_aggregates_are_read_only() -> None:
    assert run("sites.sum('moments', target=2)['moments'].XX[0, 0] = 1", GRAMS)[1] == Failed(Code.WORKER_RAISED, 2, 5)


def test_arguments_travel_as_declared() -> None:
    line, end = run("sites.tell('set', target=np.int64(2), sigma=np.float64(1.5), times=3, flag=True)")
    assert end == Finished()
    assert line.said == [Tell("set", {"target": 2, "sigma": 1.5, "times": 3, "flag": True})]
    line, _ = run("sites.sum('score', target=4, beta=[1, 2, 3])", Replies(refused_by="s1", refused=Code.RULE_MIN_ROWS))
    assert line.said == [Ask("all", "score", {"target": 4, "beta": floats([1, 2, 3])})]


UNDECLARED = {
    "unknown step": "sites.sum('rows', target=2)",
    "built-in step": "sites.sum('margins')",
    "missing argument": "sites.sum('moments')",
    "extra argument": "sites.sum('moments', target=2, n=1)",
    "not a target": "sites.sum('moments', target=3)",
    "wrong length": "sites.sum('score', target=4, beta=np.zeros(4))",
    "matrix": "sites.sum('score', target=4, beta=np.zeros((3, 1)))",
    "truth value as number": "sites.tell('set', target=2, sigma=True, times=1, flag=True)",
    "number as truth value": "sites.tell('set', target=2, sigma=1.0, times=1, flag=1)",
    "fraction as integer": "sites.tell('set', target=2, sigma=1.0, times=1.5, flag=True)",
}


@pytest.mark.parametrize("body", UNDECLARED.values(), ids=UNDECLARED)
def test_what_the_manifest_does_not_declare_is_not_sent(body: str) -> None:
    line, end = run(body)
    assert isinstance(end, Failed)
    assert (end.code, end.line) == (Code.RULE_UNDECLARED, 5)
    assert line.said == []


@pytest.mark.parametrize("value", ["float('nan')", "np.inf"])
def test_numbers_that_are_not_finite_are_not_sent(value: str) -> None:
    line, end = run(f"sites.tell('set', target=2, sigma={value}, times=1, flag=True)")
    assert isinstance(end, Failed)
    assert (end.code, line.said) == (Code.RULE_NOT_FINITE, [])


def test_text_and_objects_are_no_arguments() -> None:
    for value in ("'2'", "None", "job"):
        line, end = run(f"sites.sum('moments', target={value})")
        assert (end, line.said) == (Failed(Code.WORKER_RAISED, line=5), [])


def test_a_refusal_can_be_caught_and_names_site_and_code() -> None:
    checks(
        "try:\n    sites.sum('moments', target=2)\nexcept Refused as refusal:\n"
        "    assert refusal.site == 's1' and refusal.code == 'rule.min_rows'\nelse:\n    assert False",
        Replies(refused_by="s1", refused=Code.RULE_MIN_ROWS),
    )


def test_an_uncaught_refusal_ends_the_job_with_its_code_target_and_line() -> None:
    _, end = run("x = 1\nsites.sum('moments', target=2)", Replies(refused_by="s1", refused=Code.RULE_MIN_ROWS))
    assert end == Failed(Code.RULE_MIN_ROWS, 2, 6)


def test_sweeps_follow_the_schedule_and_report_progress() -> None:
    line, end = run("for sweep in job.sweeps():\n    if sweep.keeps_imputation:\n        job.keep_imputation()")
    assert end == Finished()
    assert line.said == [
        Progress(0, 6),
        KeepNow(),
        *(Progress(done, 6) for done in range(1, 6)),
        KeepNow(),
        Progress(6, 6),
    ]


def test_last_fit_of_each_target_is_reported_once_in_raw_units() -> None:
    line, end = run(
        "fit = estimation.least_squares(sites.sum('moments', target=2)['moments'])\nfor i in range(3):\n    job.record_fit(2, fit)",
        GRAMS,
    )
    assert end == Finished()
    (record,) = [said for said in line.said if isinstance(said, FitRecord)]
    assert (record.target, record.n, record.beta.shape) == (2, 15, (3,))


@pytest.mark.parametrize("body", ["job.record_fit(2, 'fit')", "job.record_fit(2, None)"])
def test_only_fits_are_recorded(body: str) -> None:
    assert run(body)[1] == Failed(Code.WORKER_RAISED, line=5)


def test_events_are_codes_of_the_closed_list() -> None:
    line, _ = run("job.log_event('fit.singular', 2)")
    assert line.said == [LogEvent(Code.FIT_SINGULAR, 2)]
    assert run("job.log_event('patient 7 is odd', 2)")[1] == Failed(Code.WORKER_RAISED, line=5)


def test_a_fit_that_cannot_be_made_names_target_and_predictor() -> None:
    singular: Any = gram(10)
    singular["XX"] = floats([10.0, 10, 0, 10, 10, 0, 0, 0, 10], (3, 3))
    _, end = run("estimation.least_squares(sites.sum('moments', target=2)['moments'])", Replies(({"moments": singular},)))
    assert end == Failed(Code.FIT_SINGULAR, 2, 5, column=4)


ERRORS = {
    "own": "raise ValueError('patient 7')",
    "assertion": "assert False, 'patient 7'",
    "division": "1 / 0",
    "attribute": "job.secret",
    "recursion": "(lambda f: f(f))(lambda f: f(f))",
}


@pytest.mark.parametrize("body", ERRORS.values(), ids=ERRORS)
def test_an_error_of_the_pair_is_a_code_and_a_line(body: str) -> None:
    assert run(body)[1] == Failed(Code.WORKER_RAISED, line=5)


def test_out_of_memory_is_a_limit() -> None:
    assert run("raise MemoryError()")[1] == Failed(Code.LIMIT_MEMORY, line=5)
