"""The receipt of a job as one HTML file that needs no server. The servers' own pages show the same body (`receipt.html`)."""

from __future__ import annotations

from sandbox.pages.templates import FOLDER, make_templates
from sandbox.receipt import Receipt


def as_html(receipt: Receipt) -> str:
    """The page, complete in itself."""
    return make_templates(FOLDER).env.get_template("receipt_page.html").render(receipt=receipt)
