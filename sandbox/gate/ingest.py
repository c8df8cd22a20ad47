"""An upload: DATA frames in, a data set or findings out. The only code that reads a hostile file.

It checks the header against the contract (at central it drafts and freezes the contract), the shape of every record, and every cell of
the columns in the model. A finding names column and line, never the text of a cell. After an error the rest is drained unread. What had
to be assumed to read the file at all is a notice (:mod:`sandbox.gate.reading`); what is open is asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

import msgspec
import numpy as np

from policies.disclosure import difference_limit, is_group_small
from sandbox.contract import NUMBER, Column, Contract, Finding, check_names
from sandbox.errors import Code, InputError
from sandbox.gate.dataset import Block, Dataset, Values
from sandbox.gate.doubt import Doubt
from sandbox.gate.header import MAX_COLUMNS, Header, HeaderReader
from sandbox.gate.levels import Levels, Tokens, UnknownLevel
from sandbox.gate.marks import Marks
from sandbox.gate.numbers import NumberReader, has_leading_zeros
from sandbox.gate.reading import Reading
from sandbox.gate.region import Region, RegionFull
from sandbox.gate.scanner import ScanError, count_lines
from sandbox.gate.table import Layout, Table, read_table
from sandbox.gate.text import ENCODING_NAMES, Binary, FileText, NoText
from sandbox.gate.tiles import Tiles
from sandbox.job import draft_contract
from sandbox.wire.messages import ColumnReport, GateSetup

MAX_FINDINGS: Final = 100
"""A file of nothing but errors still makes a report that a person can read."""


class Ingest:
    """One upload. Feed it the bytes, then ask for the result with :meth:`finish`."""

    def __init__(self, setup: GateSetup, region: Region, *, states_card: bool = False) -> None:
        """Begin. `states_card`: the file is told by its card alone, in which a column without a value does no harm."""
        self._states_card = states_card
        self.findings: list[Finding] = []
        self.notes: list[str] = []
        self.contract: Contract | None = setup.contract
        self._setup = setup
        self._region = region
        self._text = FileText(setup.policy.max_line_bytes)
        self._header = HeaderReader()
        self._layout = Layout(0)
        self._line = 1
        self._is_fatal = False
        self._numbers: list[int] = []
        self._undecided: set[int] = set()
        self._doubts: dict[int, Doubt] = {}
        self._levels: dict[int, Levels] = {}
        self._tokens = Tokens(())
        self._number_tokens: tuple[str, ...] = ()
        self._n_tokens: Counter[tuple[int, str]] = Counter()
        self._marks = Marks(setup.spec.decimal)
        self._reader = NumberReader((), self._marks)
        self._dataset: Dataset | None = None
        self._n_observed: dict[int, int] = {}
        self._is_quoted: dict[int, bool] = {}
        self._coded: set[int] = set()
        self._n_empty = 0
        self._is_padded = False

    def feed(self, data: bytes) -> None:
        """Take a piece of the file. Never raises for what is in it."""
        if not self._is_fatal:
            self._take_all(self._text.feed(data))

    def _take_all(self, blocks: Iterator[bytes]) -> None:
        try:
            for block in blocks:
                self._take(block)
                if self._is_fatal:
                    return
        except NoText as error:
            self._stop(Code.DATA_NOT_UTF8, line=self._line + error.n_lines)
        except Binary as error:
            self._stop(Code.DATA_NOT_TEXT, what=error.what)
        except ScanError as error:
            self._stop(error.code, line=self._line, limit=self._setup.policy.max_line_bytes)

    def finish(self) -> Dataset | None:
        """The data set, with the contract frozen; None when a finding stops it."""
        dataset = self._finish()
        del self.findings[MAX_FINDINGS:]
        return dataset

    def _finish(self) -> Dataset | None:
        if not self._is_fatal:
            self._take_all(self._text.finish())
        if not self._is_fatal and self._header.header is None:
            self._stop(Code.DATA_EMPTY)
        dataset = self._dataset
        if self._is_fatal or dataset is None:
            return None
        if not dataset.n_rows:
            self._stop(Code.DATA_HEADER_ONLY)
            return None
        self._settle_marks(dataset)
        self._settle_doubts()
        self._freeze(dataset)
        self._check_columns(dataset.contract)
        self._tell_reading(dataset)
        return None if any(finding.severity == "stop" for finding in self.findings) else dataset

    def columns(self) -> tuple[ColumnReport, ...]:
        """What was found in each column, for the site's own page."""
        if self.contract is None:
            return ()
        n_rows = 0 if self._dataset is None else self._dataset.n_rows
        bad = {finding.column for finding in self.findings if finding.severity == "stop"}
        return tuple(
            ColumnReport(
                name=column.name,
                role=column.role or "ignored",
                type=column.type or ("number" if column.role == "predictor" else ""),
                n_missing=n_rows - self._n_observed[index] if index in self._n_observed and column.role != "ignored" else 0,
                is_match=index not in bad,
            )
            for index, column in enumerate(self.contract.columns, 1)
        )

    # --- blocks

    def _take(self, block: bytes) -> None:
        if self._header.header is None:
            block = self._read_header(block)
        if not block or self._is_fatal or self._dataset is None:
            return
        try:
            table = read_table(block, self._layout, self._line)
            self._check_lengths(table)
            self._store(table, self._dataset)
        except ScanError as error:
            self._stop(
                error.code,
                line=self._line + block.count(self._layout.dialect.newline_bytes, 0, error.offset),
                found=error.n_fields,
                expected=self._layout.n_fields,
                limit=self._setup.policy.max_line_bytes,
            )
        except RegionFull:
            self._stop(Code.DATA_TOO_LARGE, limit=self._region.capacity)
        self._line += count_lines(block, self._layout.dialect)

    def _check_lengths(self, table: Table) -> None:
        lengths = table.scan.record_ends - table.scan.record_starts
        if len(lengths) and lengths.max() > self._setup.policy.max_line_bytes:
            line = table.line(int(lengths.argmax()))
            self._stop(Code.DATA_LINE_TOO_LONG, line=line, limit=self._setup.policy.max_line_bytes)

    def _store(self, table: Table, dataset: Dataset) -> None:
        if self._is_fatal:
            return
        self._n_empty += table.n_empty
        self._is_padded |= table.n_padded > 0
        columns = tuple(self._numbers)
        values = self._read_numbers(table, columns, dataset)
        if len(columns) < len(dataset.slots):
            numbers, values = values, np.zeros((table.n_rows, len(dataset.slots)), order="F")
            values[:, [dataset.slots[index] for index in columns]] = numbers
            self._read_levels(table, values, dataset)
        dataset.values.append(values)
        if self._setup.is_central:
            dataset.blocks.append(Block(table.n_rows, self._region.store(table.text)))
            self._note_quotes(table, values, dataset)
            self._note_codes(table)

    def _read_numbers(self, table: Table, columns: tuple[int, ...], dataset: Dataset) -> Values:
        """The columns of numbers, shape (rows, columns)."""
        for index, doubt in self._doubts.items():
            doubt.see(table, index, self._tokens)
        numbers = self._reader.read(table, columns)
        for index, row in numbers.bad_rows.items():
            self._drop_number(index, table, row)
        is_infinite = np.isinf(numbers.values)
        for position in np.flatnonzero(np.logical_or.reduce(is_infinite, axis=0)).tolist():
            if columns[position] in self._numbers:
                self._numbers.remove(columns[position])
                self._find(Code.DATA_NOT_FINITE, columns[position], table.line(int(is_infinite[:, position].argmax())))
        values = self._without_tokens(columns, numbers.values, dataset.n_rows)
        n_observed = (len(values) - np.isnan(values).sum(axis=0)).tolist()
        for index, n_cells in zip(columns, n_observed, strict=True):
            if index not in numbers.bad_rows:
                self._count_observed(index, n_cells)
        return values

    def _count_observed(self, index: int, n_cells: int) -> None:
        self._n_observed[index] = self._n_observed.get(index, 0) + n_cells

    def _drop_number(self, index: int, table: Table, row: int) -> None:
        self._numbers.remove(index)
        self._marks.forget(index)
        if index not in self._undecided:
            self._find(Code.DATA_NOT_NUMERIC, index, table.line(row))
            return
        doubt = self._doubts[index] = Doubt(self._n_observed.pop(index, 0), table.line(row))
        doubt.see(table, index, self._tokens)

    def _without_tokens(self, columns: tuple[int, ...], values: Values, first_row: int) -> Values:
        """Make missing what the contract calls missing although it is a number, and count it: such a token chooses rows by a value."""
        for token in self._number_tokens:
            is_token = values == float(token)
            for position, index in enumerate(columns):
                if index in self._marks.open:
                    is_token[:, position] &= ~self._marks.open[index].last(first_row, len(values))
            for index, n_cells in zip(columns, is_token.sum(axis=0).tolist(), strict=True):
                self._n_tokens[index, token] += n_cells
            values[is_token] = np.nan
        return values

    def _read_levels(self, table: Table, values: Values, dataset: Dataset) -> None:
        """Fill the columns of binary targets of `values`, shape (rows, slots)."""
        data = np.frombuffer(table.text, dtype=np.uint8)
        for index, levels in list(self._levels.items()):
            try:
                codes = levels.encode(data, table.scan.starts[:, index - 1], table.scan.ends[:, index - 1])
            except UnknownLevel as unknown:
                del self._levels[index]
                self._find(Code.DATA_LEVELS, index, table.line(unknown.record))
            else:
                values[:, dataset.slots[index]] = codes
                self._count_observed(index, int(np.count_nonzero(~np.isnan(codes))))

    def _note_quotes(self, table: Table, values: Values, dataset: Dataset) -> None:
        for index in dataset.contract.targets:
            if index not in self._is_quoted:
                observed = np.flatnonzero(~np.isnan(values[:, dataset.slots[index]]))
                if len(observed):
                    start = int(table.scan.starts[observed[0], index - 1])
                    self._is_quoted[index] = table.text[start : start + 1] == b'"'

    def _note_codes(self, table: Table) -> None:
        """Columns with leading zeros: codes, unless they hold fractions."""
        targets = () if self.contract is None else self.contract.targets
        for index in range(1, self._layout.n_columns + 1):
            if index not in self._coded and index not in targets and self._marks.of(index) is None and has_leading_zeros(table, index):
                self._coded.add(index)

    # --- the end of the file

    def _settle_marks(self, dataset: Dataset) -> None:
        """Read the cells that were open as the rest of the file, or the job, says; ask where neither does."""
        for index in list(self._marks.settle()):
            self._find(Code.DATA_AMBIGUOUS, index, self._marks.open[index].first_line)
        for index in self._marks.open:
            if self._marks.of(index) is None or index not in self._numbers:
                continue
            slot = dataset.slots[index]
            values, is_open = self._marks.corrected(index, dataset.values.column(slot))
            for token in self._number_tokens:
                is_token = is_open & (values == float(token))
                self._n_tokens[index, token] += int(is_token.sum())
                self._n_observed[index] -= int(is_token.sum())
                values[is_token] = np.nan
            dataset.values.put(slot, values)

    def _settle_doubts(self) -> None:
        for index, doubt in self._doubts.items():
            if doubt.is_numbers and index not in self._coded:
                self._find(Code.DATA_NOT_NUMERIC, index, doubt.line)

    def _tell_reading(self, dataset: Dataset) -> None:
        header, model = self._header.header, set(dataset.contract.model)
        reading = Reading(
            dialect=self._layout.dialect,
            encoding=self._text.encoding,
            n_before=self._layout.n_before,
            preface=self._header.preface,
            n_empty=self._n_empty + self._header.n_empty,
            is_padded=self._is_padded or (header is not None and header.is_padded),
            n_trimmed=0 if header is None else header.n_trimmed,
            is_renamed=header is not None and header.is_renamed,
            with_comma=tuple(index for index in self._marks.with_comma if index in model),
            grouped=tuple(sorted(self._marks.grouped & model)),
            coded=tuple(sorted(self._coded - model)),
        )
        dataset.reading = reading
        for index, texts in dataset.level_texts.items() if self._setup.is_central else ():
            if not reading.can_write("".join(texts)):
                details = {"column": dataset.contract.column(index).name, "encoding": ENCODING_NAMES[reading.encoding]}
                self.findings.append(Finding(Code.DATA_LEVEL_LETTERS, column=index, details={**details}))
        self.findings += reading.notices(dataset.contract)
        for index in sorted(self._coded & model):
            self.findings.append(Finding(Code.DATA_LEADING_ZEROS, "notice", index, {"column": dataset.contract.column(index).name}))

    # --- header and contract

    def _read_header(self, block: bytes) -> bytes:
        """Check the first record; the rest of the block."""
        n_lines = self._header.n_lines
        try:
            rest = self._header.read(block, self._text.dialect)
        except ScanError as error:
            self._stop(error.code, line=1 + self._header.n_lines, found=error.n_fields, limit=MAX_COLUMNS)
            return b""
        self._line += self._header.n_lines - n_lines
        header = self._header.header
        if header is None:
            return b""
        self._check_header(list(header.names))
        if not self._is_fatal and self.contract is not None:
            self._open(self.contract, header)
        self._line += count_lines(header.text, self._text.dialect)
        return rest

    def _check_header(self, names: list[str]) -> None:
        findings = check_names(names)
        if not findings and self.contract is not None:
            findings = self.contract.check_header(names)
        elif not findings:
            try:
                self.contract = draft_contract(self._setup.spec, names)
            except InputError as error:
                findings = [Finding(error.code, details={key: str(value) for key, value in error.details.items()})]
        self.findings += findings
        self._is_fatal = bool(findings)

    def _open(self, contract: Contract, header: Header) -> None:
        """Decide how each column is read."""
        self._layout = Layout(len(contract.columns), self._text.dialect, header.n_before)
        tokens = self._tokens = Tokens(contract.missing)
        self._reader = NumberReader(tuple(text for text in contract.missing if not NUMBER.match(text)), self._marks)
        # By value: "-9" and "-9.0" are one token.
        self._number_tokens = tuple({float(text): text for text in contract.missing if NUMBER.match(text)}.values())
        for index, column in enumerate(contract.columns, 1):
            if column.role == "target" and column.is_binary:
                self._levels[index] = Levels(column.levels, tokens)
            elif column.role != "ignored":
                self._numbers.append(index)
                if column.role is None:
                    self._undecided.add(index)
        slots = {index: slot for slot, index in enumerate(sorted([*self._numbers, *self._levels]))}
        n_intercepts = 1 + self._setup.spec.has_central_intercept
        values = Tiles(self._region, len(slots) + n_intercepts)
        self._dataset = Dataset(contract, slots, values, header=header.text if self._setup.is_central else b"")

    def _freeze(self, dataset: Dataset) -> None:
        """Decide default roles and levels from the data, and keep what the writer of results needs."""
        columns = list(dataset.contract.columns)
        for index, column in enumerate(dataset.contract.columns, 1):
            if column.role is None:
                is_predictor = bool(self._n_observed.get(index)) and index not in self._coded
                columns[index - 1] = msgspec.structs.replace(column, role="predictor" if is_predictor else "ignored")
                self._note_default(index, column.name)
            elif index in self._levels and column.levels is None:
                levels = self._levels[index].resolve()
                if levels is None:
                    self.findings.append(Finding(Code.DATA_LEVELS, column=index, details={"column": column.name}))
                columns[index - 1] = msgspec.structs.replace(column, levels=levels)
                if self._levels[index].is_swapped:
                    slot = dataset.slots[index]
                    dataset.values.put(slot, 1.0 - dataset.values.column(slot))
        self.contract = dataset.contract = msgspec.structs.replace(dataset.contract, columns=tuple(columns))
        for index, levels_of in self._levels.items():
            declared = columns[index - 1].levels
            if declared is not None:
                dataset.level_texts[index] = levels_of.texts(declared)
        dataset.quoted = frozenset(index for index, is_quoted in self._is_quoted.items() if is_quoted)

    def _note_default(self, index: int, name: str) -> None:
        if self._n_observed.get(index) and index in self._coded:
            self.notes.append(f"Column {name!r} is ignored: its numbers have leading zeros, as codes have.")
        elif self._n_observed.get(index):
            self.notes.append(f"Column {name!r} is a predictor: every value is a number.")
        elif index in self._n_observed:
            self.notes.append(f"Column {name!r} is ignored: it has no value.")
        else:
            self.notes.append(f"Column {name!r} is ignored: it does not hold numbers.")

    def _check_columns(self, contract: Contract) -> None:
        reported = {finding.column for finding in self.findings}
        is_completed = self._states_card and any(self._n_observed.get(index) for index in contract.model)
        for index in contract.model:
            column = contract.column(index)
            if self._n_observed.get(index) or index in reported:
                continue
            if column.role == "target":
                self.findings.append(Finding(Code.DATA_TARGET_NEVER_OBSERVED, "notice", index, {"column": column.name}))
            elif is_completed:
                self.findings.append(Finding(Code.DATA_NEVER_OBSERVED, "notice", index, {"column": column.name}))
            else:
                self.findings.append(Finding(Code.DATA_PREDICTOR_ALL_MISSING, column=index, details={"column": column.name}))
        if not any(column.role == "predictor" for column in contract.columns):
            self.findings.append(Finding(Code.JOB_NO_PREDICTORS))
        if not self._setup.is_central:
            self._check_tokens(contract)

    def _check_tokens(self, contract: Contract) -> None:
        """Rows that one number takes out are told by the difference to a job without that token: none, or as many as a difference group."""
        policy = self._setup.policy
        limit = difference_limit(contract.n_coefficients(self._setup.spec.has_central_intercept), policy)
        for (index, token), n_cells in self._n_tokens.items():
            if index in contract.model and is_group_small(n_cells, limit):
                details: dict[str, str | int | float] = {
                    "column": contract.column(index).name,
                    "token": token,
                    "found": n_cells,
                    "limit": limit,
                }
                self.findings.append(Finding(Code.RULE_MISSING_TOKEN, column=index, details=details))

    # --- findings

    @property
    def _columns(self) -> tuple[Column, ...]:
        return () if self.contract is None else self.contract.columns

    def _find(self, code: Code, index: int, line: int) -> None:
        self.findings.append(Finding(code, column=index, details={"column": self._columns[index - 1].name, "line": line}))

    def _stop(self, code: Code, **details: str | int | float) -> None:
        self.findings.append(Finding(code, details=details))
        self._is_fatal = True
