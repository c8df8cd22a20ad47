"""When a report proves the wall, and when it says that it does not."""

from __future__ import annotations

import pytest

from sandbox.probe.report import Report, Row
from sandbox.wire.messages import Isolation

ISOLATION = Isolation("seccomp+landlock", 7, True, 65534, True)
BLOCKED = Row("read_a_file", "files", "read a file", True, "done", {"worker": "EPERM", "gate": "signal SIGSYS"})


def report(*rows: Row) -> Report:
    return Report("2026-11-24T00:00:00+00:00", "Linux", ISOLATION, rows)


def row(*, plain: str = "done", worker: str = "EPERM", required: bool = True) -> Row:
    return Row("deed", "files", "a deed", required, plain, {"worker": worker})


def test_a_report_of_blocked_deeds_with_controls_holds() -> None:
    assert report(BLOCKED, row()).holds


def test_a_report_without_deeds_does_not_hold() -> None:
    assert not report().holds


@pytest.mark.parametrize(
    "outcome", ["done", "ENOENT", "EINVAL", "signal SIGSEGV", "signal SIGKILL", "no end", "exit 0", "another answer", ""]
)
def test_what_is_not_known_to_be_a_block_breaks_the_report(outcome: str) -> None:
    found = report(BLOCKED, row(worker=outcome))
    assert not found.holds
    assert [breach.name for breach in found.breaches] == ["deed"]
    assert "NOT BLOCKED: a deed" in found.as_text()
    assert "The wall is NOT proved" in found.as_text()


def test_a_deed_that_is_allowed_in_one_role_only_breaks_the_report() -> None:
    assert not report(Row("deed", "files", "a deed", False, "done", {"worker": "EPERM", "gate": "done"})).holds


def test_a_required_deed_without_a_control_breaks_the_report() -> None:
    found = report(BLOCKED, row(plain="EACCES"))
    assert not found.holds
    assert [missing.name for missing in found.missing_controls] == ["deed"]


def test_another_deed_without_a_control_is_not_counted_and_says_why() -> None:
    found = report(BLOCKED, row(plain="ENOSYS", required=False))
    assert found.holds
    assert found.n_blocked == 1
    assert "no control here: ENOSYS" in found.as_text()
    assert found.as_dict()["without_control"] == ["deed"]


def test_the_digest_covers_every_outcome() -> None:
    digests = {report(BLOCKED).digest, report(row()).digest, report(row(worker="EACCES")).digest, report(row(plain="x")).digest}
    assert len(digests) == 4
    assert report(BLOCKED).digest == report(BLOCKED).digest
