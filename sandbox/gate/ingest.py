"""An upload: DATA frames in, a data set or findings out. The only code that reads a hostile file.

It checks the header against the contract (at central it drafts and freezes the contract), the shape of every record, and every cell of
the columns in the model. A finding names column and line, never the text of a cell. After an error the rest is drained unread.
"""

from __future__ import annotations

import codecs
from collections import Counter
from typing import Final

import msgspec
import numpy as np

from policies.disclosure import difference_limit, is_group_small
from sandbox.contract import NUMBER, Column, Contract, Finding, check_names
from sandbox.errors import Code, InputError
from sandbox.gate.dataset import Block, Dataset, Values
from sandbox.gate.levels import Levels, Tokens, UnknownLevel
from sandbox.gate.numbers import read_numbers
from sandbox.gate.region import Region, RegionFull
from sandbox.gate.scanner import RecordReader, Scan, ScanError, count_fields, count_lines, field_text, first_length, scan
from sandbox.gate.tiles import Tiles
from sandbox.job import draft_contract
from sandbox.wire.messages import ColumnReport, GateSetup

MAX_FINDINGS: Final = 100
"""A file of nothing but errors still makes a report that a person can read."""

MAX_COLUMNS: Final = 10_000
"""More is no table of a study, and the time to read one grows with the square of its columns."""


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
        self._reader = RecordReader(setup.policy.max_line_bytes)
        self._line = 1
        self._is_fatal = False
        self._is_header_read = False
        self._n_bytes = 0
        self._numbers: list[int] = []
        self._undecided: set[int] = set()
        self._levels: dict[int, Levels] = {}
        self._number_tokens: tuple[str, ...] = ()
        self._n_tokens: Counter[tuple[int, str]] = Counter()
        self._dataset: Dataset | None = None
        self._n_observed: dict[int, int] = {}
        self._is_quoted: dict[int, bool] = {}

    def feed(self, data: bytes) -> None:
        """Take a piece of the file. Never raises for what is in it."""
        if self._is_fatal:
            return
        self._n_bytes += len(data)
        try:
            for block in self._reader.feed(data):
                self._take(block)
        except ScanError as error:
            self._stop(error.code, line=self._line, limit=self._setup.policy.max_line_bytes)

    def finish(self) -> Dataset | None:
        """The data set, with the contract frozen; None when a finding stops it."""
        dataset = self._finish()
        del self.findings[MAX_FINDINGS:]
        return dataset

    def _finish(self) -> Dataset | None:
        if not self._is_fatal:
            self._take(self._reader.finish())
        if not self._is_fatal and not self._n_bytes:
            self._stop(Code.DATA_EMPTY)
        dataset = self._dataset
        if self._is_fatal or dataset is None:
            return None
        if not dataset.n_rows:
            self._stop(Code.DATA_HEADER_ONLY)
            return None
        self._freeze(dataset)
        self._check_columns(dataset.contract)
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
        if block and not self._is_header_read:
            block = self._read_header(block)
        if not block or self._is_fatal or self._dataset is None:
            return
        try:
            scanned = self._scan(block)
            self._store(block, scanned, self._dataset)
        except UnicodeDecodeError as error:
            self._stop(Code.DATA_NOT_UTF8, line=self._line_at(block, error.start))
        except ScanError as error:
            self._stop(
                error.code,
                line=self._line_at(block, error.offset),
                found=error.n_fields,
                expected=len(self._dataset.contract.columns),
                limit=self._setup.policy.max_line_bytes,
            )
        except RegionFull:
            self._stop(Code.DATA_TOO_LARGE, limit=self._region.capacity)
        self._line += count_lines(block)

    def _scan(self, block: bytes) -> Scan:
        if not block.isascii():
            codecs.utf_8_decode(block, "strict", True)
        scanned = scan(block, len(self._columns))
        lengths = scanned.record_ends - scanned.record_starts
        if len(lengths) and lengths.max() > self._setup.policy.max_line_bytes:
            raise ScanError(Code.DATA_LINE_TOO_LONG, int(scanned.record_starts[lengths.argmax()]))
        return scanned

    def _store(self, block: bytes, scanned: Scan, dataset: Dataset) -> None:
        columns = tuple(self._numbers)
        values = self._read_numbers(block, scanned, columns, dataset)
        if len(columns) < len(dataset.slots):
            numbers, values = values, np.zeros((scanned.n_records, len(dataset.slots)), order="F")
            values[:, [dataset.slots[index] for index in columns]] = numbers
            self._read_levels(block, scanned, values, dataset)
        dataset.values.append(values)
        if self._setup.is_central:
            dataset.blocks.append(Block(scanned.n_records, self._region.store(block)))
            self._note_quotes(block, scanned, values, dataset)

    def _read_numbers(self, block: bytes, scanned: Scan, columns: tuple[int, ...], dataset: Dataset) -> Values:
        """The columns of numbers, shape (records, columns)."""
        tokens = dataset.contract.missing
        numbers = read_numbers(block, scanned, columns, tuple(text for text in tokens if not NUMBER.match(text)))
        for index, record in numbers.bad_records.items():
            self._drop_number(index, self._line_at(block, int(scanned.record_starts[record])))
        is_infinite = np.isinf(numbers.values)
        for position in np.flatnonzero(np.logical_or.reduce(is_infinite, axis=0)).tolist():
            record = int(is_infinite[:, position].argmax())
            if columns[position] in self._numbers:
                self._numbers.remove(columns[position])
                self._find(Code.DATA_NOT_FINITE, columns[position], self._line_at(block, int(scanned.record_starts[record])))
        values = self._without_tokens(columns, numbers.values)
        n_observed = (len(values) - np.isnan(values).sum(axis=0)).tolist()
        for index, n_cells in zip(columns, n_observed, strict=True):
            if index not in numbers.bad_records:
                self._count_observed(index, n_cells)
        return values

    def _count_observed(self, index: int, n_cells: int) -> None:
        self._n_observed[index] = self._n_observed.get(index, 0) + n_cells

    def _drop_number(self, index: int, line: int) -> None:
        self._numbers.remove(index)
        if index in self._undecided:
            self._n_observed.pop(index, None)
        else:
            self._find(Code.DATA_NOT_NUMERIC, index, line)

    def _without_tokens(self, columns: tuple[int, ...], values: Values) -> Values:
        """Make missing what the contract calls missing although it is a number, and count it: such a token chooses rows by a value."""
        for token in self._number_tokens:
            is_token = values == float(token)
            for index, n_cells in zip(columns, is_token.sum(axis=0).tolist(), strict=True):
                self._n_tokens[index, token] += n_cells
            values[is_token] = np.nan
        return values

    def _read_levels(self, block: bytes, scanned: Scan, values: Values, dataset: Dataset) -> None:
        """Fill the columns of binary targets of `values`, shape (records, slots)."""
        data = np.frombuffer(block, dtype=np.uint8)
        for index, levels in list(self._levels.items()):
            try:
                codes = levels.encode(data, scanned.starts[:, index - 1], scanned.ends[:, index - 1])
            except UnknownLevel as unknown:
                del self._levels[index]
                self._find(Code.DATA_LEVELS, index, self._line_at(block, int(scanned.record_starts[unknown.record])))
            else:
                values[:, dataset.slots[index]] = codes
                self._count_observed(index, int(np.count_nonzero(~np.isnan(codes))))

    def _note_quotes(self, block: bytes, scanned: Scan, values: Values, dataset: Dataset) -> None:
        for index in dataset.contract.targets:
            if index not in self._is_quoted:
                observed = np.flatnonzero(~np.isnan(values[:, dataset.slots[index]]))
                if len(observed):
                    start = int(scanned.starts[observed[0], index - 1])
                    self._is_quoted[index] = block[start : start + 1] == b'"'

    # --- header and contract

    @property
    def _columns(self) -> tuple[Column, ...]:
        return () if self.contract is None else self.contract.columns

    def _read_header(self, block: bytes) -> bytes:
        """Check the first record; the rest of the block."""
        self._is_header_read = True
        length = first_length(block)
        header, rest = block[:length], block[length:]
        text = header.removeprefix(codecs.BOM_UTF8)
        try:
            if not text.strip() and not rest.strip():
                self._stop(Code.DATA_EMPTY)
                return b""
            codecs.utf_8_decode(text, "strict", True)
            n_fields = count_fields(text)
            if n_fields > MAX_COLUMNS:
                self._stop(Code.DATA_TOO_MANY_COLUMNS, found=n_fields, limit=MAX_COLUMNS)
                return b""
            scanned = scan(text, n_fields)
        except UnicodeDecodeError:
            self._stop(Code.DATA_NOT_UTF8, line=1)
            return b""
        except ScanError as error:
            self._stop(error.code, line=1)
            return b""
        names = [field_text(text[start:end]) for start, end in zip(scanned.starts[0], scanned.ends[0], strict=True)]
        self._check_header(names)
        if not self._is_fatal and self.contract is not None:
            self._open(self.contract, header)
        self._line += header.count(b"\n")
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

    def _open(self, contract: Contract, header: bytes) -> None:
        """Decide how each column is read."""
        tokens = Tokens(contract.missing)
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
        self._dataset = Dataset(contract, slots, values, header=header if self._setup.is_central else b"")

    def _freeze(self, dataset: Dataset) -> None:
        """Decide default roles and levels from the data, and keep what the writer of results needs."""
        columns = list(dataset.contract.columns)
        for index, column in enumerate(dataset.contract.columns, 1):
            if column.role is None:
                is_predictor = bool(self._n_observed.get(index))
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
        if self._n_observed.get(index):
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

    def _line_at(self, block: bytes, offset: int) -> int:
        return self._line + block.count(b"\n", 0, offset)

    def _find(self, code: Code, index: int, line: int) -> None:
        self.findings.append(Finding(code, column=index, details={"column": self._columns[index - 1].name, "line": line}))

    def _stop(self, code: Code, **details: str | int | float) -> None:
        self.findings.append(Finding(code, details=details))
        self._is_fatal = True
