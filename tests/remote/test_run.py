"""The record of a run decides by itself what may follow on what."""

from __future__ import annotations

import pytest

from policies import built_in
from remote.approvals.model import Approval
from remote.runs.phase import Phase
from remote.runs.run import Run
from sandbox.errors import Code, InputError
from sandbox.wire.link import JobState
from sandbox.wire.messages import UploadReport
from tests.remote.offers import CONTRACT, offer

REPORT = UploadReport(contract=CONTRACT)


def approved_run() -> Run:
    asked = offer()
    return Run("site-a", built_in("default"), asked, Approval(digest=asked.digest, spec_digest=asked.spec.digest))


def test_one_upload_or_start_is_under_way_at_a_time() -> None:
    run = approved_run()
    run.operation_begins()
    with pytest.raises(InputError) as refused:
        run.operation_begins()
    assert refused.value.code is Code.JOB_STATE
    run.operation_ended()
    run.operation_begins()


def test_what_central_knows_is_no_news_until_it_forgets_or_something_happens() -> None:
    run = approved_run()
    assert run.news() is not None
    assert run.news() is None
    run.forgotten()
    assert run.news() is not None
    run.uploaded(REPORT)
    status = run.news()
    assert status is not None
    assert status.is_ready
    run.ended(JobState.CLOSED, None, "")
    run.forgotten()
    assert run.news() is None


def test_a_run_goes_from_upload_to_its_end_and_begins_with_the_first_question() -> None:
    run = approved_run()
    with pytest.raises(InputError) as refused:
        run.start_begins()
    assert refused.value.code is Code.SITE_NO_UPLOAD
    run.upload_begins()
    run.uploaded(REPORT)
    run.start_begins()
    run.started()
    assert [run.asked(), run.asked()] == [True, False]
    run.ended(JobState.FAILED, Code.GATE_DIED, "site-a")
    assert (run.phase, run.state, run.code, run.culprit, run.report) == (Phase.ENDED, JobState.FAILED, Code.GATE_DIED, "site-a", None)


def test_a_new_upload_takes_trouble_and_report_of_the_one_before_away() -> None:
    run = approved_run()
    run.uploaded(REPORT)
    run.stopped(Code.DATA_EMPTY, {"line": 7})
    assert run.trouble is not None
    assert run.trouble.details == {"line": "7"}
    run.upload_begins()
    assert (run.phase, run.report, run.trouble) == (Phase.OFFERED, None, None)


@pytest.mark.parametrize(
    ("cancelled", "state", "again"), [(True, JobState.RUNNING, True), (True, JobState.CLOSED, False), (False, JobState.RUNNING, False)]
)
def test_central_is_told_once_more_of_a_cancel_it_has_not_heard(cancelled: bool, state: JobState, again: bool) -> None:
    run = approved_run()
    if cancelled:
        run.cancelled_by_owner()
    run.ended(JobState.CANCELLED, Code.JOB_CANCELLED, "site-a")
    assert run.offered_after_end(offer(state=state)) is again
    assert not run.offered_after_end(offer(state=state))
