"""Failures as HTTP answers: a code, a sentence, a remedy and findings, with a fitting status. Never the text of an exception.

Programs get JSON, browsers a page. Both hosts answer alike; the sentences may hold local details, because answers stay on a host's own
side of the boundary. What goes to the other side of a link holds codes only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, Self

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from sandbox.contract import Finding
from sandbox.errors import Code, InputError, IsolationError, LimitError, PeerError, TidegateError
from sandbox.wire.messages import SourceFinding

STATUS: Final[dict[Code, int]] = {
    Code.ACCESS_SIGN_IN: 401,
    Code.ACCESS_CREDENTIALS: 401,
    Code.ACCESS_NOT_APPROVED: 403,
    Code.ACCESS_FORBIDDEN: 403,
    Code.ACCESS_ORIGIN: 403,
    Code.SITE_ENROLMENT: 403,
    Code.REQUEST_NOT_FOUND: 404,
    Code.ACCOUNT_EXISTS: 409,
    Code.ACCOUNT_LAST_ADMIN: 409,
    Code.PAIR_EXISTS: 409,
    Code.PAIR_DIGEST: 409,
    Code.JOB_STATE: 409,
    Code.SITE_NOT_CONFIGURED: 409,
    Code.SITE_NOT_APPROVED: 409,
    Code.SITE_NO_CONTRACT: 409,
    Code.SITE_NO_UPLOAD: 409,
    Code.SITE_NO_CARD: 409,
    Code.RESULT_EXPIRED: 410,
    Code.REQUEST_TOO_LARGE: 413,
    Code.DATA_TOO_LARGE: 413,
    Code.ACCESS_TOO_MANY: 429,
    Code.CENTRAL_UNREACHABLE: 502,
}
"""Statuses of codes; the others follow from the kind of error."""
KINDS: Final[tuple[tuple[type[TidegateError], int], ...]] = ((InputError, 422), (LimitError, 422), (IsolationError, 503), (PeerError, 502))
"""What was sent cannot be taken (422), this machine cannot isolate (503), a gate or a peer failed (502); any other kind is ours (500)."""
WAIT_SECONDS: Final = 60
"""What somebody who tried too often is told to wait."""


class FindingView(BaseModel):
    """One thing that was found in data or in a pair. `column` (1-based) and `line` are 0, `module` is empty where there is none."""

    code: str
    severity: str = "stop"
    module: str = ""
    column: int = 0
    line: int = 0
    sentence: str
    remedy: str

    @classmethod
    def of(cls, finding: Finding) -> Self:
        """The view of a finding about data, for its owner."""
        error = TidegateError(finding.code, **finding.details)
        line = finding.details.get("line", 0)
        return cls(
            code=finding.code.value,
            severity=finding.severity,
            column=finding.column,
            line=line if isinstance(line, int) else 0,
            sentence=finding.sentence,
            remedy=error.remedy,
        )

    @classmethod
    def of_source(cls, finding: SourceFinding, module: str = "") -> Self:
        """The view of a finding about a line of a pair."""
        return cls(code=Code.WORKER_SOURCE.value, module=module, line=finding.line, sentence=finding.message, remedy=finding.remedy)


class Explanation(BaseModel):
    """A code in words; all empty for none."""

    code: str = ""
    sentence: str = ""
    remedy: str = ""

    @classmethod
    def of(cls, code: Code | None, details: dict[str, Any] | None = None) -> Self:
        """The explanation of a code."""
        if code is None:
            return cls()
        error = TidegateError(code, **(details or {}))
        return cls(code=code.value, sentence=error.sentence, remedy=error.remedy)


class Problem(Explanation):
    """The answer to every request that fails."""

    findings: list[FindingView] = []


class Findings(InputError):
    """An input error with a list of what was found."""

    def __init__(self, code: Code, findings: Sequence[FindingView], **details: object) -> None:
        self.findings = list(findings)
        super().__init__(code, **details)


def status_of(error: TidegateError) -> int:
    """The HTTP status of a failure."""
    if error.code in STATUS:
        return STATUS[error.code]
    return next((status for kind, status in KINDS if isinstance(error, kind)), 500)


def problem_of(error: TidegateError) -> Problem:
    """What an answer says of a failure."""
    findings = error.findings if isinstance(error, Findings) else []
    return Problem(code=error.code.value, sentence=error.sentence, remedy=error.remedy, findings=findings)


def as_json(error: TidegateError, status: int | None = None) -> JSONResponse:
    """The answer for a program; `status` where something else than the error decided it."""
    headers = {"Retry-After": str(WAIT_SECONDS)} if error.code is Code.ACCESS_TOO_MANY else None
    return JSONResponse(problem_of(error).model_dump(), status or status_of(error), headers)


def invalid(reason: str) -> InputError:
    """A request that is wrong in a way its reader can correct."""
    return InputError(Code.REQUEST_INVALID, reason=reason)


def not_found(what: str) -> InputError:
    """A request for something that is not there."""
    return InputError(Code.REQUEST_NOT_FOUND, what=what)


def wants_page(path: str, accept: str) -> bool:
    """Whether a failure is read by a person: an address outside the API, unless the client asks for JSON and for no HTML."""
    if path.startswith("/api/") and path != "/api/docs":
        return False
    return "text/html" in accept or "application/json" not in accept


PageOf = Callable[[Request, TidegateError, int], Response]


class Answer(Protocol):
    """Makes the answer to a request that failed."""

    def __call__(self, request: Request, error: TidegateError, status: int | None = None) -> Response:
        """The answer; `status` where something else than the error decided it."""


class Problems:
    """Answers failures of one host. `page_of` makes the page for a browser."""

    def __init__(self, page_of: PageOf) -> None:
        self._page_of = page_of

    def answer(self, request: Request, error: TidegateError, status: int | None = None) -> Response:
        """The answer to a request that failed, for whoever sent it."""
        if wants_page(request.url.path, request.headers.get("accept", "")):
            return self._page_of(request, error, status or status_of(error))
        return as_json(error, status)

    def install(self, app: FastAPI) -> None:
        """Register a handler for every kind of failure."""
        app.add_exception_handler(TidegateError, self._on_error)
        app.add_exception_handler(RequestValidationError, self._on_invalid)
        app.add_exception_handler(HTTPException, self._on_http)
        app.add_exception_handler(ClientDisconnect, self._on_gone)
        app.add_exception_handler(Exception, self._on_failure)

    async def _on_error(self, request: Request, error: Exception) -> Response:
        return self.answer(request, error if isinstance(error, TidegateError) else _failure())

    async def _on_invalid(self, request: Request, error: Exception) -> Response:
        items = error.errors() if isinstance(error, RequestValidationError) else []
        # Names of fields and what they ask for. The offending input is not repeated: it may be a password.
        reasons = [f"{'.'.join(str(part) for part in item['loc'][1:]) or 'body'}: {item['msg']}" for item in items]
        return self.answer(request, invalid("; ".join(reasons)))

    async def _on_http(self, request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        detail = str(error.detail) if isinstance(error, HTTPException) else ""
        return self.answer(request, not_found("page") if status == 404 else invalid(detail), status)

    async def _on_gone(self, _request: Request, _error: Exception) -> Response:
        # Nobody reads it; without it a broken upload would be logged as a failure of ours.
        return Response(status_code=499)

    async def _on_failure(self, request: Request, _error: Exception) -> Response:
        try:
            return self.answer(request, _failure(), 500)
        except Exception:  # noqa: BLE001 - the page may be what failed
            return as_json(_failure(), 500)


def _failure() -> TidegateError:
    return TidegateError(Code.REQUEST_FAILED)
