"""What both hosts show of a job: contract, ready board, progress and the report of an upload."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict

from sandbox.contract import Contract
from sandbox.host.problems import FindingView
from sandbox.statement import (
    about_life,
    error_in_words,
    shape_in_words,
    title_of,
    total_of,
    what_has_left,
    what_is_left,
    what_leaves,
    when_points,
)
from sandbox.wire.link import BoardRow
from sandbox.wire.messages import CardLine, LifeNote, UploadReport


class View(BaseModel):
    """A view that is read off an object with the same attributes."""

    model_config = ConfigDict(from_attributes=True)


class ColumnView(BaseModel):
    """A column of the contract. `index` is 1-based."""

    index: int
    name: str
    role: str | None
    type: str | None
    levels: tuple[str, ...] | None
    why: str


class ContractView(BaseModel):
    """The frozen contract. `missing` are the tokens read as missing."""

    digest: str
    missing: list[str]
    columns: list[ColumnView]

    @classmethod
    def of(cls, contract: Contract) -> Self:
        """The view of a contract."""
        columns = [
            ColumnView(index=index, name=column.name, role=column.role, type=column.type, levels=column.levels, why=column.why)
            for index, column in enumerate(contract.columns, 1)
        ]
        return cls(digest=contract.digest, missing=list(contract.missing), columns=columns)


class RowView(View):
    """One participant on the ready board."""

    participant: str
    institution: str
    is_online: bool
    is_approved: bool
    is_ready: bool
    is_started: bool
    is_stated: bool

    @classmethod
    def of(cls, row: BoardRow) -> Self:
        """The view of a row."""
        return cls.model_validate(row)


class ProgressView(View):
    """A step name and two integers."""

    step: str = ""
    done: int = 0
    total: int = 0


class ColumnReportView(View):
    """What the gate found in one column. `why`: why it is left out, or how it was read."""

    index: int
    name: str
    role: str
    type: str
    levels: list[str]
    n_missing: int
    is_match: bool
    why: str


class CardLineView(BaseModel):
    """A part of a card. `error` is the size of its sticky error, in what a typical row adds; `size` is `shape` as people write it."""

    what: str
    column: str
    shape: list[int]
    numbers: int
    error: float
    title: str
    size: str
    error_in_words: str

    @classmethod
    def of(cls, line: CardLine) -> Self:
        """The view of a line."""
        return cls(
            what=line.what,
            column=line.column,
            shape=list(line.shape),
            numbers=line.n_numbers,
            error=line.error,
            title=title_of(line.what, line.column),
            size=shape_in_words(line.shape),
            error_in_words=error_in_words(line.error),
        )


class LifeView(BaseModel):
    """How a file stands in its life: numbers used and left, counted for `column`.

    `points` are the most numbers this job may add to its card; null where there is no limit.
    """

    version: int
    numbers: int
    left: int
    points: int | None
    ends: str
    column: str
    sentence: str
    remark: str

    @classmethod
    def of(cls, life: LifeNote) -> Self:
        """The view of a note."""
        return cls(
            version=life.version,
            numbers=life.n_numbers,
            left=life.n_left,
            points=life.n_points,
            ends=life.ends,
            column=life.column,
            sentence=what_is_left(life),
            remark=about_life(life),
        )


class CardView(BaseModel):
    """What a site will state of its file, and nothing of what the numbers are. `total` counts different numbers.

    `sentence` is what is said of it before it leaves, `sentence_after` once it has.
    """

    lines: list[CardLineView]
    total: int
    sentence: str
    sentence_after: str
    more: str
    life: LifeView | None

    @classmethod
    def of(cls, report: UploadReport) -> Self | None:
        """The card of an upload; None when it has none."""
        if not report.card:
            return None
        total = total_of(report.card)
        return cls(
            lines=[CardLineView.of(line) for line in report.card],
            total=total,
            sentence=what_leaves(total, report.life),
            sentence_after=what_has_left(total, report.life),
            more=when_points(report.life) if report.life else "",
            life=LifeView.of(report.life) if report.life else None,
        )


class ReportView(BaseModel):
    """What the gate found in an upload, for whoever uploaded it. `card`: what leaves; null where no card is stated."""

    is_clean: bool
    n_rows: int
    n_set_aside: int
    findings: list[FindingView]
    columns: list[ColumnReportView]
    notes: list[str]
    card: CardView | None

    @classmethod
    def of(cls, report: UploadReport) -> Self:
        """The view of a report."""
        return cls(
            is_clean=report.is_clean,
            n_rows=report.n_rows,
            n_set_aside=report.n_set_aside,
            findings=[FindingView.of(finding) for finding in report.findings],
            columns=[ColumnReportView.model_validate(column) for column in report.columns],
            notes=list(report.notes),
            card=CardView.of(report),
        )
