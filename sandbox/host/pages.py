"""Pages of a host: templates of its own and the shared ones, with what every page needs. Failures have a page, too."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from fastapi import Depends, Request
from fastapi.responses import RedirectResponse, Response

from sandbox.errors import Code, TidegateError
from sandbox.host.parts import part
from sandbox.pages.templates import make_templates

FrameOf = Callable[[Request], dict[str, Any]]
"""What every page of a host shows around its content: `nav` (list of (href, label)) and `user` (str) at least."""


class Pages:
    """Renders the templates of one host."""

    def __init__(self, templates: Path, *, brand: str, frame_of: FrameOf) -> None:
        self._templates = make_templates(templates, brand=brand)
        self._frame_of = frame_of

    def show(self, request: Request, name: str, *, status_code: int = 200, **values: Any) -> Response:
        """A whole page, or a fragment of one."""
        context = {**self._frame_of(request), "path": request.url.path, **values}
        return self._templates.TemplateResponse(request, name, context, status_code=status_code)

    def show_problem(self, request: Request, error: TidegateError, status: int) -> Response:
        """The page for a failure; whoever is not signed in is sent to sign in."""
        if error.code is not Code.ACCESS_SIGN_IN:
            words = {"sentence": error.sentence, "remedy": error.remedy, "code": error.code.value}
            return self.show(request, "error.html", status_code=status, status=status, **words)
        # A fragment is fetched by a script, which goes to the sign-in page itself.
        if request.method != "GET" or request.url.path.endswith("/live"):
            return Response(status_code=401)
        return RedirectResponse("/sign-in", status_code=303)


def _show(request: Request, pages: Annotated[Pages, Depends(part(Pages))]) -> Callable[..., Response]:
    return partial(pages.show, request)


Show: TypeAlias = Annotated[Callable[..., Response], Depends(_show)]
"""A dependency of routes of pages: :meth:`Pages.show` for this request, as `show("page.html", **values)`."""
