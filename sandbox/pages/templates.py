"""The template environment: a server's own folder first, then the shared templates."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.templating import Jinja2Templates

from sandbox.pages.lines import by_chain, shortened
from sandbox.statement import stated_in

FOLDER: Final = Path(__file__).parent / "templates"
STATIC: Final = Path(__file__).parent / "static"
"""Mount it at `/static/shared`."""


def make_templates(own: Path, **shared: Any) -> Jinja2Templates:
    """Templates in `own` and in the shared folder; `shared` variables are there in every template.

    `base.html` needs `brand` (str), `nav` (list of (href, label)), `user` (str, empty when nobody is signed in) and `path` (str).
    """
    environment = Environment(loader=FileSystemLoader([own, FOLDER]), autoescape=True, undefined=StrictUndefined)
    environment.trim_blocks = environment.lstrip_blocks = True
    environment.filters["moment"] = moment
    environment.filters["by_chain"] = by_chain
    environment.filters["shortened"] = shortened
    environment.filters["stated_in"] = stated_in
    environment.globals.update(shared)
    return Jinja2Templates(env=environment)


def moment(when: datetime | None) -> str:
    """A time for people, in UTC to the minute; a dash for never."""
    if when is None:
        return "–"
    aware = when if when.tzinfo else when.replace(tzinfo=UTC)
    return aware.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
