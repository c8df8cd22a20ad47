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
from sandbox.contract import MAX_LEVELS, MIN_LEVELS, NUMBER, Column, ColumnType, Contract, Finding, check_names
from sandbox.errors import Code, InputError
from sandbox.gate.dataset import Block, Dataset, Values
from sandbox.gate.doubt import Doubt
from sandbox.gate.header import MAX_COLUMNS, Header, HeaderReader
from sandbox.gate.level_columns import LevelColumn, cells_of, laid_out
from sandbox.gate.levels import Tokens, UnknownLevel
from sandbox.gate.marks import Marks
from sandbox.gate.numbers import NumberReader, has_leading_zeros
from sandbox.gate.reading import Reading
from sandbox.gate.recognise import NUMBERS, Verdict, alike, few_codes, recognise_numbers, recognise_texts
from sandbox.gate.region import Region, RegionFull
from sandbox.gate.scanner import ScanError, count_lines
from sandbox.gate.table import Layout, Table, read_table, scan_table
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
        """Columns of which central's cells say what they are."""
        self._doubts: dict[int, Doubt] = {}
        self._levels: dict[int, LevelColumn] = {}
        self._number_tokens: dict[str, frozenset[int]] = {}
        """Tokens that are numbers, and the columns in which they are."""
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
        try:
            self._freeze(dataset)
        except RegionFull:
            self._stop(Code.DATA_TOO_LARGE, limit=self._region.capacity)
        if self._is_fatal or not dataset.contract.is_frozen:
            return None
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
                index=index,
                name=column.name,
                role=column.role or "ignored",
                type=column.type or ("continuous" if column.role == "predictor" else ""),
                levels=column.levels or (),
                n_missing=n_rows - self._n_observed[index] if index in self._n_observed and column.role != "ignored" else 0,
                is_match=index not in bad,
                why=column.why,
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
        if self._levels or len(columns) < len(dataset.slots):
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
            doubt.see(table, index, Tokens(dataset.contract.tokens(index)))
        numbers = self._reader.read(table, columns)
        for index, row in numbers.bad_rows.items():
            self._drop_number(index, table, row, dataset)
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

    def _drop_number(self, index: int, table: Table, row: int, dataset: Dataset) -> None:
        """A column has a cell that is no number: at central it may be one of levels, from its first row on."""
        self._numbers.remove(index)
        self._marks.forget(index)
        if index not in self._undecided:
            self._find(Code.DATA_NOT_NUMERIC, index, table.line(row))
            return
        tokens = Tokens(dataset.contract.tokens(index))
        doubt = self._doubts[index] = Doubt(self._n_observed.pop(index, 0), table.line(row))
        doubt.see(table, index, tokens)
        column = self._levels[index] = LevelColumn(index, dataset.contract.column(index), tokens, self._region)
        for earlier in dataset.blocks:
            text = earlier.text.tobytes()
            if self._read_level(column, Table(text, scan_table(text, self._layout), self._layout, 1)) is None:
                return

    def _read_level(self, column: LevelColumn, table: Table) -> Values | None:
        """The codes of a table; None once there is a level too many, which is kept in mind where the job did not tell the levels."""
        if column.has_more:
            return None
        try:
            return column.read(table)
        except UnknownLevel as unknown:
            if column.is_limited:
                del self._levels[column.index]
                self._find(Code.DATA_LEVELS, column.index, table.line(unknown.record))
                return None
            column.close(table, unknown.record)
            return None

    def _without_tokens(self, columns: tuple[int, ...], values: Values, first_row: int) -> Values:
        """Make missing what the contract calls missing although it is a number, and count it: such a token chooses rows by a value."""
        for token, of in self._number_tokens.items():
            is_token = values == float(token)
            is_token &= np.array([index in of for index in columns])
            for position, index in enumerate(columns):
                if index in self._marks.open:
                    is_token[:, position] &= ~self._marks.open[index].last(first_row, len(values))
            for index, n_cells in zip(columns, is_token.sum(axis=0).tolist(), strict=True):
                if index in of:
                    self._n_tokens[index, token] += n_cells
            values[is_token] = np.nan
        return values

    def _read_levels(self, table: Table, values: Values, dataset: Dataset) -> None:
        """Fill the columns of levels of `values`, shape (rows, slots), but for those that wait for the last row."""
        for index, column in list(self._levels.items()):
            codes = self._read_level(column, table)
            if codes is None or column.waits:
                continue
            for place, cells in cells_of(codes, dataset.contract, index).items():
                values[:, dataset.slots[place]] = cells

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
            for token in (token for token, of in self._number_tokens.items() if index in of):
                is_token = is_open & (values == float(token))
                self._n_tokens[index, token] += int(is_token.sum())
                self._n_observed[index] -= int(is_token.sum())
                values[is_token] = np.nan
            dataset.values.put(slot, values)

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
        usual, own = (tuple(text for text in contract.missing if not NUMBER.match(text)), _own_tokens(contract))
        self._reader = NumberReader(usual, self._marks, own)
        self._number_tokens = _number_tokens(contract)
        for index, column in enumerate(contract.columns, 1):
            if column.role != "ignored" and column.has_levels:
                self._levels[index] = LevelColumn(index, column, Tokens(contract.tokens(index)), self._region)
            elif column.role != "ignored":
                self._numbers.append(index)
                if self._setup.is_central and self._setup.contract is None and column.type is None:
                    self._undecided.add(index)
        waiting = {index for index, level_column in self._levels.items() if level_column.waits}
        told = {index for index in contract.model if contract.read_from(index) not in waiting}
        slots = {index: slot for slot, index in enumerate(sorted({*self._numbers, *told}))}
        n_intercepts = 1 + self._setup.spec.has_central_intercept
        values = Tiles(self._region, len(slots) + n_intercepts)
        self._dataset = Dataset(contract, slots, values, header=header.text if self._setup.is_central else b"")

    def _freeze(self, dataset: Dataset) -> None:
        """Decide what is open from the data, and keep what the writer of results needs."""
        self._n_observed |= {index: column.n_observed for index, column in self._levels.items()}
        columns = list(dataset.contract.columns)
        for index, column in enumerate(dataset.contract.columns, 1):
            if index in self._undecided:
                columns[index - 1] = self._decide(index, column, dataset)
            elif index in self._levels and column.levels is None:
                columns[index - 1] = self._learn(index, column)
        waited = [column for index, column in self._levels.items() if column.waits and columns[index - 1].has_levels]
        self.contract = contract = msgspec.structs.replace(dataset.contract, columns=tuple(columns))
        if not contract.is_frozen:
            return
        for index in set(self._levels) & set(contract.targets):
            levels, slot = contract.column(index).levels or (), dataset.slots[index]
            if dataset.contract.column(index).levels is None:
                dataset.values.put(slot, self._levels[index].turned(dataset.values.column(slot), levels))
            dataset.level_texts[index] = self._levels[index].texts(levels)
        if waited:
            n_more = dataset.values.n_columns - len(dataset.slots)
            dataset.values = laid_out(dataset.values, dataset.slots, contract, waited, self._region, n_more)
            dataset.slots = {index: slot for slot, index in enumerate(contract.model)}
        dataset.contract = contract
        dataset.quoted = frozenset(index for index, is_quoted in self._is_quoted.items() if is_quoted)

    def _decide(self, index: int, column: Column, dataset: Dataset) -> Column:
        """A column of which the job does not tell the type, or not even the role."""
        if index not in self._levels:
            verdict = recognise_numbers(column.name, dataset.column(index), is_padded=index in self._coded)
        else:
            texts, doubt = self._levels[index], self._doubts[index]
            if doubt.is_numbers and index not in self._coded:
                self._find(Code.DATA_NOT_NUMERIC, index, doubt.line)
                return column
            verdict = recognise_texts(column.name, texts.learnt, texts.n_observed, dataset.n_rows, has_more=texts.has_more)
        if column.role == "predictor":
            return self._named(index, column, verdict)
        self.notes.append(f"Column {column.name!r} is {'left out' if verdict.is_left_out else 'a predictor'}: {verdict.why}.")
        if verdict.is_left_out:
            self._n_observed.pop(index, None)
        found = verdict.of(column)
        return found if verdict.type not in ("binary", "categorical") else self._levels[index].decided(found)

    def _named(self, index: int, column: Column, verdict: Verdict) -> Column:
        """A column that the job names a predictor is one, whatever it looks like, if a model can have it."""
        if index not in self._levels:
            return msgspec.structs.replace(column, why=NUMBERS)
        texts = self._levels[index]
        if texts.has_more or len(texts.learnt) < 2 or verdict.type == "date":
            self._find_level_count(index, column, texts)
            return column
        type_: ColumnType = "binary" if len(texts.learnt) == 2 else "categorical"
        why = f"it has {len(texts.learnt)} different texts"
        return texts.decided(msgspec.structs.replace(column, type=type_, why=why))

    def _learn(self, index: int, column: Column) -> Column:
        """The levels of a column that the job told to have some."""
        found = self._levels[index]
        least, most = (2, 2) if column.type == "binary" else (MIN_LEVELS, MAX_LEVELS)
        if found.has_more or not least <= len(found.learnt) <= most:
            self._find_level_count(index, column, found)
            return column
        return found.decided(column)

    def _find_level_count(self, index: int, column: Column, found: LevelColumn) -> None:
        counted = f"more than {MAX_LEVELS}" if found.has_more else len(found.learnt)
        allowed = (
            "2 levels"
            if column.type == "binary"
            else f"{MIN_LEVELS} to {MAX_LEVELS} levels"
            if column.type
            else f"2 to {MAX_LEVELS} levels"
        )
        self.findings.append(
            Finding(Code.DATA_LEVEL_COUNT, column=index, details={"column": column.name, "found": counted, "allowed": allowed})
        )

    def _check_columns(self, contract: Contract) -> None:
        reported = {finding.column for finding in self.findings}
        files = sorted({contract.read_from(index) for index in contract.model})
        is_completed = self._states_card and any(self._n_observed.get(index) for index in files)
        for index in files:
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
        if self._setup.is_central:
            self._tell_central(contract)
        else:
            self._check_tokens(contract)

    def _tell_central(self, contract: Contract) -> None:
        """What a job may mean otherwise: codes that are named continuous, and predictors whose gaps cost rows."""
        dataset = self._dataset
        for index, column in enumerate(contract.columns, 1):
            if dataset is None or column.role == "ignored" or not self._n_observed.get(index):
                continue
            if index in self._levels and (pair := alike(self._levels[index].learnt)):
                said: dict[str, str | int | float] = {"column": column.name, "level": pair[0], "other": pair[1]}
                self.findings.append(Finding(Code.DATA_LEVELS_ALIKE, "notice", index, said))
            n_missing = dataset.n_rows - self._n_observed[index]
            if column.role == "predictor" and n_missing:
                details: dict[str, str | int | float] = {"column": column.name, "found": n_missing, "rows": dataset.n_rows}
                self.findings.append(Finding(Code.DATA_ROWS_INCOMPLETE, "notice", index, details))
            if column.type == "continuous":
                values = dataset.column(index)
                if n_codes := few_codes(values[~np.isnan(values)]):
                    self.findings.append(Finding(Code.DATA_CODES, "notice", index, {"column": column.name, "found": n_codes}))

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


def _own_tokens(contract: Contract) -> dict[int, tuple[str, ...]]:
    """The tokens of single columns that are no numbers."""
    return {
        index: tuple(text for text in column.missing if not NUMBER.match(text))
        for index, column in enumerate(contract.columns, 1)
        if column.missing
    }


def _number_tokens(contract: Contract) -> dict[str, frozenset[int]]:
    """The tokens that are numbers, and the columns in which they are; by value: "-9" and "-9.0" are one token."""
    spelled: dict[float, str] = {}
    columns: dict[str, frozenset[int]] = {}
    for index in range(1, len(contract.columns) + 1):
        for text in filter(NUMBER.match, contract.tokens(index)):
            token = spelled.setdefault(float(text), text)
            columns[token] = columns.get(token, frozenset()) | {index}
    return columns
