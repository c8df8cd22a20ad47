"""A site that lends its rows to code that sees them, and that code, played: honest sums of cross-products, and cells filled as it likes.

The pre-flight, the rows, the judgement of units and fills are the gate's own. What is played is what the workers would compute and what the
rules on sums (`verification`, with attacks of their own) let pass: a Gram is a sum over rows like any other.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from policies import Policy
from policies.disclosure import difference_limit
from sandbox.contract import Column, Contract, Finding
from sandbox.declared import Declarations
from sandbox.gate import kernels
from sandbox.gate.answer import Answering
from sandbox.gate.chain import Chain
from sandbox.gate.draws import RowDraws, derive_key
from sandbox.gate.guard import ChainGuard, Guard
from sandbox.gate.ingest import Ingest
from sandbox.gate.kernels import Answer
from sandbox.gate.names import FileName, name_rows
from sandbox.gate.redraws import Redraws
from sandbox.gate.region import Region
from sandbox.gate.release import Origin, upload_entry
from sandbox.gate.rows import Rows
from sandbox.gate.survey import Survey, survey
from sandbox.job import check_job, job_from_table, n_sweeps
from sandbox.manifest import load_pair
from sandbox.wire.messages import Constants, GateSetup, UploadReport
from sandbox.wire.values import floats

PAIR = load_pair(Path(__file__).parents[1] / "pairs" / "good" / "PlainSIMICE")
SECRET = b"a secret of the site, long"
Values = npt.NDArray[np.float64]


class Site:
    """One upload of one job. Columns are numbers; those named in `targets` are targets, by type."""

    def __init__(
        self,
        columns: Mapping[str, Values],
        targets: Mapping[str, str],
        policy: Policy,
        sweeps: int = 2,
        missing: tuple[str, ...] = ("NA",),
        ignored: Sequence[str] = (),
    ) -> None:
        self.names = list(columns)
        self._policy = policy
        self._region = Region(mmap.mmap(-1, 64 << 20))
        self.contract = contract_of(columns, targets, missing, ignored)
        spec = check_job(job_from_table(job_of(targets, sweeps)), PAIR.manifest)
        self._setup = GateSetup("job", "site", False, policy, spec, PAIR.manifest_bytes, PAIR.digest, self.contract, SECRET)
        text = as_csv(columns).encode()
        ingest = Ingest(self._setup, self._region)
        ingest.feed(text)
        dataset = ingest.finish()
        self._survey: Survey | None = None
        if dataset is not None:
            self._survey = survey(dataset, policy, self._region, is_central=False, central_intercept=False)
        found: tuple[Finding, ...] = () if self._survey is None else self._survey.findings
        n_set_aside = 0 if self._survey is None else self._survey.n_set_aside
        n_rows = 0 if dataset is None else dataset.n_rows
        self.report = UploadReport(findings=(*ingest.findings, *found), contract=self.contract, n_rows=n_rows, n_set_aside=n_set_aside)
        self._name = FileName(SECRET)
        self._name.feed(text)

    @property
    def codes(self) -> list[str]:
        """Codes of what the pre-flight found."""
        return sorted({finding.code.value for finding in self.report.findings})

    @property
    def rows(self) -> Rows:
        """Those that take part."""
        assert self._survey is not None
        assert self._survey.rows is not None, self.codes
        return self._survey.rows

    @property
    def entry(self) -> dict[str, Any]:
        """The line of the ledger about the upload."""
        origin = Origin("job", "site", PAIR.digest, self.contract.digest, self._name.finish())
        names = name_rows(SECRET, self.rows)
        entry: dict[str, Any] = json.loads(upload_entry(origin, self._setup, PAIR.manifest, self.report, {}, names))
        return entry

    def margins(self) -> Answer:
        """The first round; before :meth:`begin`."""
        return kernels.margins(self.rows)

    def begin(
        self, centre: Sequence[float] | None = None, scale: Sequence[float] | None = None, mean: Sequence[float] | None = None
    ) -> Answer:
        """The margins; then the units (raw ones when none are given) and the start values (the centres). Raises `Refusal`."""
        margins, n = self.margins(), len(self.contract.model)
        middle, width = centre or [0.0] * n, scale or [1.0] * n
        starts = mean or [
            0.5 if self.contract.column(index).is_binary else start for index, start in zip(self.contract.model, middle, strict=True)
        ]
        self.begin_in(Constants(floats(middle), floats(width), floats(starts)))
        return margins

    def begin_in(self, constants: Constants) -> None:
        """Begin in these units. Raises `Refusal`."""
        setup, rows = self._setup, self.rows
        declared = Declarations(PAIR.manifest, self.contract, central_intercept=False)
        q, length = declared.extent("q"), n_sweeps(setup.spec, PAIR.manifest, 0)
        self._guard = Guard(self._policy, is_central=False)
        binary = [index for index in self.contract.targets if self.contract.column(index).is_binary]
        redraws = Redraws(rows, binary, difference_limit(q, self._policy), 1 + length, self._region)
        key = derive_key(SECRET, 1, PAIR.digest, self.contract.digest)
        self._draws = RowDraws(key, is_bound=True)
        self._chain = Chain(rows, q, self._guard, self._draws, redraws, number=0, n_sweeps=length)
        self._fills = ChainGuard(self._guard, length)
        Answering([self._chain], self.contract, declared, self._policy, self._guard).begin(constants)

    def moments(self, target: str) -> dict[str, Values]:
        """The cross-products of a target's rows, as code that sees them adds them up."""
        units = self._chain.units
        assert units is not None
        self._fills.mark_fitted(self.index(target))
        parts = kernels.gram(self.rows, units, self.index(target)).parts
        return {name: np.asarray(part, np.float64) for name, part in parts.items()}

    def fill(self, target: str, beta: Sequence[float], sigma: float | None = None) -> str:
        """Fill a target at coefficients; the verdict on it. A fill that is not taken was made nevertheless. Raises `Refusal`."""
        units, index = self._chain.units, self.index(target)
        assert units is not None
        number = self._fills.next_fill(index)
        self._fills.check_fill(index)
        self._draws = self._draws.asked(repr((target, list(beta), sigma)).encode())
        draw = self._draws.uniform if sigma is None else self._draws.normal
        noise = draw(index, number, self.rows.missing_rows(index), self.rows.noise)
        kernels.draw(self.rows, units, index, np.asarray(beta, np.float64), sigma, noise)
        self._guard.open_round()
        self._chain._is_taken(index)
        return self._guard.verdicts.get("redraw", "pass")

    def index(self, name: str) -> int:
        """1-based."""
        return self.names.index(name) + 1


def contract_of(columns: Mapping[str, Values], targets: Mapping[str, str], missing: tuple[str, ...], ignored: Sequence[str]) -> Contract:
    """The contract of columns of numbers."""
    roles = {name: "target" if name in targets else "ignored" if name in ignored else "predictor" for name in columns}
    levels = {name: ("0", "1") if targets.get(name) == "binary" else None for name in columns}
    return Contract(tuple(Column(name, roles[name], targets.get(name), levels[name]) for name in columns), missing)  # type: ignore[arg-type]


def job_of(targets: Mapping[str, str], sweeps: int = 2) -> dict[str, Any]:
    """A job of one imputation."""
    return {
        "imputations": 1,
        "seed": 1,
        "targets": [{"column": name, "type": type_} for name, type_ in targets.items()],
        "iteration_before_first_imputation": sweeps,
        "iteration_between_imputations": 1,
    }


def as_csv(columns: Mapping[str, Values]) -> str:
    """A file of numbers; NaN becomes NA."""
    lines = [",".join(columns)]
    for row in zip(*columns.values(), strict=True):
        lines.append(",".join("NA" if np.isnan(cell) else repr(float(cell)) if cell % 1 else str(int(cell)) for cell in row))
    return "\n".join(lines) + "\n"
