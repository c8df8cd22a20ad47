"""`site`: what a reviewer's file is handed. A synchronous face of one real site, its gate and worker locked in as when it is served.

The file plays central. It may ask whatever the manifest of the pair lets central ask, in any order and with any numbers, and it may do
what no central can: upload another file at the site.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import tempfile
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Final

import numpy.typing as npt

from policies import Policy
from sandbox.contract import ColumnType, Contract, Finding
from sandbox.errors import Code, InputError, Refused, TidegateError
from sandbox.job import JobSpec, parse_job
from sandbox.manifest import Pair
from sandbox.reviewer.answers import SITE
from sandbox.reviewer.loop import LoopThread, T
from sandbox.reviewer.served import ServedSite, Setting
from sandbox.reviewer.stated import list_parts
from sandbox.reviewer.values import to_arrays, to_request
from sandbox.wire.messages import Constants, StepCall
from sandbox.wire.values import Record, floats

SECRET_BYTES: Final = 32


def make_secret(text: str | None) -> bytes:
    """The row secret of a site: made from `text`, so that results repeat, or drawn anew."""
    return secrets.token_bytes(SECRET_BYTES) if text is None else hashlib.sha256(f"tidegate probe {text}".encode()).digest()


@dataclass(frozen=True, slots=True)
class ColumnView:
    """One column of the file: `index` is 1-based, `type` and `levels` are None where cells are numbers of a predictor."""

    index: int
    name: str
    role: str
    type: ColumnType | None
    levels: tuple[str, ...] | None


class Session:
    """One site over all its uploads. A file gets it with the first upload made; `with` ends every process.

    After a stop at the upload, or when a gate has ended, every call raises :attr:`Refused` until the next upload.
    """

    Refused: ClassVar[type[Refused]] = Refused
    """What is raised for every refusal; `.code` is the rule."""

    def __init__(self, pair: Pair, spec: JobSpec, policy: Policy, secret: bytes) -> None:
        """Start the processes of a site. Raises `IsolationError` when the machine cannot lock them in as the policy demands."""
        self._steps = pair.manifest.steps
        self._spec = spec
        self._contract: Contract | None = None
        self._findings: tuple[Finding, ...] = ()
        self._margins: Record | None = None
        self._has_begun = False
        self._over: Code | None = Code.SITE_NO_UPLOAD
        self.questions = 0
        """Asks and tells that reached the site; what is answered from its card does not."""
        self.refusals = 0
        """Those of them that were refused."""
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tidegate-probe-")))
            self._loop = LoopThread()
            stack.callback(self._loop.close)
            self._served = self._loop.run(ServedSite.open(Setting(pair, policy, secret), folder))
            stack.callback(lambda: self._loop.run(self._served.close()))
            self._exit = stack.pop_all()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._exit.close()

    # --- the owner's side

    @property
    def columns(self) -> tuple[ColumnView, ...]:
        """The columns in file order; none when no contract could be made of the file."""
        found = () if self._contract is None else self._contract.columns
        return tuple(ColumnView(index, c.name, c.role or "ignored", c.type, c.levels) for index, c in enumerate(found, 1))

    @property
    def report(self) -> list[dict[str, Any]] | None:
        """What the site's owner reads of the upload: `code`, `column` (1-based, 0 for none), `severity` each; None for nothing."""
        return [{"code": f.code.value, "column": f.column, "severity": f.severity} for f in self._findings] or None

    def upload(self, path: str | Path, job: str | Path | None = None) -> list[dict[str, Any]] | None:
        """End the job and upload a file for the next one; :attr:`report`. The ledger and what hangs on it go on: it is the same site.

        Args:
            path: a CSV.
            job: another job.toml, from now on; by default the one before.

        Raises:
            Refused: the upload is stopped; :attr:`report` has all that was found.
            InputError: the job does not suit the pair.
            OSError: a file cannot be read.
        """
        if job is not None:
            self._spec = parse_job(Path(job).read_text(encoding="utf-8"))
        self._contract, self._findings, self._margins, self._has_begun = None, (), None, False
        self._over = Code.SITE_NO_UPLOAD
        report, self._contract = self._call(self._served.upload(Path(path), self._spec))
        self._findings = report.findings
        self._over = next((finding.code for finding in report.findings if finding.severity == "stop"), None)
        self._check_open()
        return self.report

    # --- central's side

    def constants(self) -> dict[str, npt.NDArray[Any]]:
        """`n`, `total` and `total_squares` of each column in the model, file order, raw, shape (c,). Asked once per upload."""
        return to_arrays(self._first_answer())

    def begin(self, centres: Sequence[float], scales: Sequence[float], starts: Sequence[float]) -> None:
        """Fix the units, (x − centre)/scale, and the start values of missing cells: raw, as :meth:`constants`, once per upload.

        Raises:
            Refused: the site does not take them, and the job is over.
            RuntimeError: the units of this upload are fixed.
            ValueError: not as many numbers as columns in the model.
        """
        if self._has_begun:
            raise RuntimeError("the units are fixed once per upload")
        n_columns = self._first_answer()["n"].size
        if {len(centres), len(scales), len(starts)} != {n_columns}:
            raise ValueError(f"centres, scales and starts have one number for each of the {n_columns} columns in the model")
        constants = Constants(*(floats(float(number) for number in numbers) for numbers in (centres, scales, starts)))
        try:
            self._call(self._served.begin(constants))
        except Refused as refused:
            self._over = refused.code
            raise
        self._has_begun = True

    def ask(self, step: str, /, **request: object) -> dict[str, dict[str, npt.NDArray[Any]]]:
        """The reply of a step: for every field its parts by name, arrays; a field without parts has one, `value`.

        Coefficients are in the units of :meth:`begin`: predictors and other targets in file order, the intercept last.

        Args:
            step: a step of the pair's manifest.
            **request: its arguments; a column by its 1-based index or its name.

        Raises:
            Refused: the question was refused.
            RuntimeError: the units are not fixed yet.
        """
        return {field: to_arrays(record) for field, record in self._question(step, request, is_tell=False).items()}

    def tell(self, step: str, /, **request: object) -> None:
        """Call a step that has no reply; as :meth:`ask`. It reaches the site at once."""
        self._question(step, request, is_tell=True)

    @property
    def card(self) -> list[dict[str, Any]]:
        """What the site stated of its file by itself: `what`, `target`, `point`, `field`, `part` and `values` (an array) of every part."""
        return [] if self._contract is None else list_parts(self._served.stated, self._contract)

    def _first_answer(self) -> Record:
        self._check_open()
        if self._margins is None:
            self._margins = self._call(self._served.margins())
        return self._margins

    def _question(self, step: str, request: dict[str, object], *, is_tell: bool) -> dict[str, Record]:
        self._check_open()
        answers = self._served.answers
        if answers is None or self._contract is None:
            raise RuntimeError("call begin(centres, scales, starts) before the first question")
        declared = self._steps[step].request if step in self._steps else {}
        call = StepCall(step, to_request(request, declared, self._contract), is_tell)
        before = answers.n_reached
        try:
            return self._call(answers.ask(call))
        except Refused:
            self.refusals += answers.n_reached - before
            raise
        finally:
            self.questions += answers.n_reached - before

    def _check_open(self) -> None:
        if self._over is not None:
            raise Refused(SITE, self._over)

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` at the site. What ends a gate is a refusal of this and of everything after it, until the next upload."""
        try:
            return self._loop.run(work)
        except (Refused, InputError):
            raise
        except TidegateError as error:
            self._over = error.code
            raise Refused(SITE, error.code, **error.details) from error
