"""A job as the API and the pages show it: the row, and what lives of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel

from central.jobs.model import Job
from central.jobs.room import Room
from central.problems import finding_as_json
from sandbox.contract import Contract, Finding
from sandbox.errors import Code, TidegateError
from sandbox.receipt import RULE_TITLES
from sandbox.wire.link import BoardRow
from sandbox.wire.messages import UploadReport


class RowView(BaseModel):
    """One participant on the ready board."""

    participant: str
    institution: str
    is_online: bool
    is_approved: bool
    is_uploaded: bool
    is_matching: bool
    is_clean: bool
    is_started: bool
    set_aside_band: str
    findings: list[dict[str, Any]]

    @classmethod
    def of(cls, row: BoardRow, contract: Contract | None) -> Self:
        """The view of a row; findings name their column from the contract."""
        findings = [_outward(finding, contract) for finding in row.findings]
        flags = {name: getattr(row, name) for name in row.__struct_fields__ if name != "findings"}
        return cls(**flags, findings=findings)


class ColumnView(BaseModel):
    """A column of the contract. `index` is 1-based."""

    index: int
    name: str
    role: str | None
    type: str | None
    levels: tuple[str, str] | None


class ContractView(BaseModel):
    """The frozen contract."""

    digest: str
    missing: list[str]
    columns: list[ColumnView]

    @classmethod
    def of(cls, contract: Contract) -> Self:
        """The view of a contract."""
        columns = [
            ColumnView(index=index, name=column.name, role=column.role, type=column.type, levels=column.levels)
            for index, column in enumerate(contract.columns, 1)
        ]
        return cls(digest=contract.digest, missing=list(contract.missing), columns=columns)


class ReportView(BaseModel):
    """What central's gate found in central's upload."""

    is_clean: bool
    n_rows: int
    n_set_aside: int
    findings: list[dict[str, Any]]
    columns: list[dict[str, Any]]
    notes: list[str]

    @classmethod
    def of(cls, report: UploadReport) -> Self:
        """The view of a report."""
        columns = [
            {"name": column.name, "role": column.role, "type": column.type, "n_missing": column.n_missing, "is_match": column.is_match}
            for column in report.columns
        ]
        return cls(
            is_clean=report.is_clean,
            n_rows=report.n_rows,
            n_set_aside=report.n_set_aside,
            findings=[finding_as_json(finding) for finding in report.findings],
            columns=columns,
            notes=list(report.notes),
        )


class ProgressView(BaseModel):
    """A step name and two integers."""

    step: str
    done: int
    total: int


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
        end = TidegateError(Code(job.code), **job.details) if job.code else None
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
            "sentence": end.sentence if end else "",
            "remedy": end.remedy if end else "",
            "culprit": job.culprit,
        }

    @classmethod
    def of(cls, job: Job) -> Self:
        """The view of a row."""
        return cls(**cls.fields(job))


class JobView(JobSummary):
    """A job with everything central knows of it."""

    spec: dict[str, Any]
    board: list[RowView]
    progress: ProgressView
    contract: ContractView | None
    report: ReportView | None

    @classmethod
    def build(cls, job: Job, room: Room | None, is_online: Callable[[str], bool]) -> Self:
        """The view of a row and its room, if it has one."""
        contract = room.contract if room else None
        report = room.central.report if room and room.central else None
        progress = room.progress if room else None
        return cls(
            **cls.fields(room.job if room else job),
            spec=job.spec,
            board=[RowView.of(row, contract) for row in room.board(is_online)] if room else [],
            progress=ProgressView(
                step=progress.step if progress else "", done=progress.done if progress else 0, total=progress.total if progress else 0
            ),
            contract=ContractView.of(contract) if contract else None,
            report=ReportView.of(report) if report else None,
        )


def _outward(finding: Finding, contract: Contract | None) -> dict[str, Any]:
    """A finding of a site: code and column are all that came; the name of the column is central's own knowledge."""
    name = contract.column(finding.column).name if contract and 0 < finding.column <= len(contract.columns) else ""
    told = finding_as_json(Finding(finding.code, finding.severity, finding.column, {"column": name} if name else {}))
    rule = finding.code.value.removeprefix("rule.")
    if rule in RULE_TITLES:
        # Without its numbers the sentence of a rule is full of gaps.
        told["sentence"] = f"{f'Column {name!r}: the' if name else 'The'} rule {rule} asks for {RULE_TITLES[rule]}."
    return told
