"""Failures as HTTP answers: a code, a sentence, a remedy and findings, with a fitting status. Never the text of an exception."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from sandbox.contract import Finding
from sandbox.errors import Code, InputError, IsolationError, LimitError, PeerError, TidegateError

API_PREFIX: Final = "/api/"

STATUS: Final[dict[Code, int]] = {
    Code.ACCESS_SIGN_IN: 401,
    Code.ACCESS_CREDENTIALS: 401,
    Code.ACCESS_TOO_MANY: 429,
    Code.ACCESS_NOT_APPROVED: 403,
    Code.ACCESS_FORBIDDEN: 403,
    Code.ACCESS_ORIGIN: 403,
    Code.ACCOUNT_EXISTS: 409,
    Code.ACCOUNT_LAST_ADMIN: 409,
    Code.PAIR_EXISTS: 409,
    Code.JOB_STATE: 409,
    Code.REQUEST_NOT_FOUND: 404,
    Code.REQUEST_TOO_LARGE: 413,
    Code.SITE_ENROLMENT: 403,
    Code.RESULT_EXPIRED: 410,
}
"""Statuses of codes; the others follow from the kind of error."""


class Findings(InputError):
    """An input error with a list of what was found: lines of a pair."""

    def __init__(self, code: Code, findings: Sequence[dict[str, Any]], **details: object) -> None:
        self.findings = list(findings)
        super().__init__(code, **details)


def status_of(error: TidegateError) -> int:
    """The HTTP status of a failure."""
    if error.code in STATUS:
        return STATUS[error.code]
    if isinstance(error, InputError):
        return 422
    if isinstance(error, IsolationError):
        return 503
    return 502 if isinstance(error, PeerError | LimitError) else 500


def body_of(error: TidegateError) -> dict[str, Any]:
    """The JSON of a failure."""
    findings = error.findings if isinstance(error, Findings) else []
    return {"code": error.code.value, "sentence": error.sentence, "remedy": error.remedy, "findings": findings}


def finding_as_json(finding: Finding) -> dict[str, Any]:
    """A finding about central's own data, for its own page."""
    return {
        "code": finding.code.value,
        "severity": finding.severity,
        "column": finding.column,
        "sentence": finding.sentence,
        "remedy": TidegateError(finding.code, **finding.details).remedy,
    }


def invalid(reason: str) -> InputError:
    """A request that is wrong in a way its reader can correct."""
    return InputError(Code.REQUEST_INVALID, reason=reason)


def not_found(what: str) -> InputError:
    """A request for something that is not there."""
    return InputError(Code.REQUEST_NOT_FOUND, what=what)


PageOf = Callable[[Request, TidegateError, int], Response]


def install(app: FastAPI, page_of: PageOf) -> None:
    """Register the handlers: JSON for the API, `page_of` for everything else."""

    def answer(request: Request, error: TidegateError, status: int) -> Response:
        if not request.url.path.startswith(API_PREFIX):
            return page_of(request, error, status)
        headers = {"Retry-After": "60"} if error.code is Code.ACCESS_TOO_MANY else None
        return JSONResponse(body_of(error), status, headers)

    @app.exception_handler(TidegateError)
    async def on_error(request: Request, error: TidegateError) -> Response:
        return answer(request, error, status_of(error))

    @app.exception_handler(RequestValidationError)
    async def on_invalid(request: Request, error: RequestValidationError) -> Response:
        # The offending input is not repeated: it may be a password.
        reasons = [f"{'.'.join(str(part) for part in item['loc'][1:]) or 'body'}: {item['msg']}" for item in error.errors()]
        return answer(request, invalid("; ".join(reasons)), 422)

    @app.exception_handler(HTTPException)
    async def on_http(request: Request, error: HTTPException) -> Response:
        problem = not_found("page") if error.status_code == 404 else invalid(str(error.detail))
        return answer(request, problem, error.status_code)

    @app.exception_handler(ClientDisconnect)
    async def on_gone(_request: Request, _error: ClientDisconnect) -> Response:
        # Nobody reads it; without it a broken upload would be logged as a failure of ours.
        return Response(status_code=499)

    @app.exception_handler(Exception)
    async def on_failure(request: Request, _error: Exception) -> Response:
        return answer(request, TidegateError(Code.REQUEST_FAILED), 500)
