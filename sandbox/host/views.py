"""What both hosts show of a job: contract, ready board, progress and the report of an upload."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict

from sandbox.contract import Contract
from sandbox.host.problems import FindingView
from sandbox.wire.link import BoardRow
from sandbox.wire.messages import UploadReport


class View(BaseModel):
    """A view that is read off an object with the same attributes."""

    model_config = ConfigDict(from_attributes=True)


class ColumnView(BaseModel):
    """A column of the contract. `index` is 1-based."""

    index: int
    name: str
    role: str | None
    type: str | None
    levels: tuple[str, str] | None


class ContractView(BaseModel):
    """The frozen contract. `missing` are the tokens read as missing."""

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


class RowView(View):
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
    findings: list[FindingView]

    @classmethod
    def of(cls, row: BoardRow, findings: list[FindingView]) -> Self:
        """The view of a row, with its findings in the words of the host that shows it."""
        flags = {name: getattr(row, name) for name in row.__struct_fields__ if name != "findings"}
        return cls(**flags, findings=findings)


class ProgressView(View):
    """A step name and two integers."""

    step: str = ""
    done: int = 0
    total: int = 0


class ColumnReportView(View):
    """What the gate found in one column."""

    name: str
    role: str
    type: str
    n_missing: int
    is_match: bool


class ReportView(BaseModel):
    """What the gate found in an upload, for whoever uploaded it."""

    is_clean: bool
    n_rows: int
    n_set_aside: int
    set_aside_band: str
    findings: list[FindingView]
    columns: list[ColumnReportView]
    notes: list[str]

    @classmethod
    def of(cls, report: UploadReport) -> Self:
        """The view of a report."""
        return cls(
            is_clean=report.is_clean,
            n_rows=report.n_rows,
            n_set_aside=report.n_set_aside,
            set_aside_band=report.set_aside_band,
            findings=[FindingView.of(finding) for finding in report.findings],
            columns=[ColumnReportView.model_validate(column) for column in report.columns],
            notes=list(report.notes),
        )
