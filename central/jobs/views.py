"""A job as the API and the pages show it: the row, and what lives of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, Field

from central.jobs.model import Job
from central.jobs.room import Room
from sandbox.contract import Contract, Finding
from sandbox.errors import Code
from sandbox.host.problems import Explanation, FindingView
from sandbox.host.views import ContractView, ProgressView, ReportView, RowView
from sandbox.receipt import RULE_TITLES
from sandbox.wire.link import BoardRow


class JobSummary(BaseModel):
    """A job in a list."""

    id: str
    name: str
    state: str
    pair: str
    participants: list[str]
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    expires_at: datetime | None
    code: str | None
    sentence: str
    remedy: str
    culprit: str

    @classmethod
    def fields(cls, job: Job) -> dict[str, Any]:
        """The fields that come from the row."""
        end = Explanation.of(Code(job.code) if job.code else None, job.details)
        return {
            "id": job.id,
            "name": job.name,
            "state": job.state,
            "pair": job.pair_digest,
            "participants": job.participants,
            "created_at": job.created_at,
            "started_at": job.started_at,
            "ended_at": job.ended_at,
            "expires_at": job.expires_at,
            "code": job.code,
            "sentence": end.sentence,
            "remedy": end.remedy,
            "culprit": job.culprit,
        }

    @classmethod
    def of(cls, job: Job) -> Self:
        """The view of a row."""
        return cls(**cls.fields(job))


class ToldRowView(RowView):
    """A participant as central sees it. `told` is what its owner chose to tell of what stops its file; other sites do not see that."""

    told: list[FindingView] = Field(default_factory=list)

    @classmethod
    def build(cls, row: BoardRow, room: Room, contract: Contract | None) -> Self:
        """The view of a row, with what was told in central's words."""
        view = cls.of(row)
        view.told = [_outward(finding, contract) for finding in room.told_by(row.participant)]
        return view


class JobView(JobSummary):
    """A job with everything central knows of it."""

    spec: dict[str, Any]
    board: list[ToldRowView]
    progress: ProgressView
    contract: ContractView | None
    report: ReportView | None

    @classmethod
    def build(cls, job: Job, room: Room | None, is_online: Callable[[str], bool]) -> Self:
        """The view of a row and its room, if it has one."""
        contract = room.contract if room else None
        report = room.central.report if room and room.central else None
        return cls(
            **cls.fields(room.job if room else job),
            spec=job.spec,
            board=[ToldRowView.build(row, room, contract) for row in room.board(is_online)] if room else [],
            progress=ProgressView.model_validate(room.progress) if room else ProgressView(),
            contract=ContractView.of(contract) if contract else None,
            report=ReportView.of(report) if report else None,
        )


def _outward(finding: Finding, contract: Contract | None) -> FindingView:
    """A finding of a site: code and column are all that came; the name of the column is central's own knowledge."""
    name = contract.column(finding.column).name if contract and 0 < finding.column <= len(contract.columns) else ""
    told = FindingView.of(Finding(finding.code, finding.severity, finding.column, {"column": name} if name else {}))
    rule = finding.code.value.removeprefix("rule.")
    if rule in RULE_TITLES:
        # Without its numbers the sentence of a rule is full of gaps.
        told.sentence = f"{f'Column {name!r}: the' if name else 'The'} rule {rule} asks for {RULE_TITLES[rule]}."
    return told
