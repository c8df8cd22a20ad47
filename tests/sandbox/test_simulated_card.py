"""What `tidegate simulate` prints of a card is what the site's owner would read."""

from __future__ import annotations

from typing import Any

from sandbox.cli import _render
from sandbox.contract import Column, Contract, Finding
from sandbox.errors import Code
from sandbox.simulate import _card_lines, finding_lines
from sandbox.wire.messages import CardLine, UploadReport

CARD = (CardLine("rows", "", (), 1, 0.0), CardLine("gram", "", (12, 12), 1_077, 2.0), CardLine("fit.beta", "stroke", (11,), 11, 2.0))


def result(cards: dict[str, Any]) -> dict[str, Any]:
    return {
        "pair": {"name": "SIMICE", "version": "1.0.0"},
        "imputations": 2,
        "seed": 3,
        "rounds": 1,
        "round_trips": 1,
        "seconds": {"upload": 1.0},
        "isolation": "seccomp",
        "released": {},
        "refusals": [],
        "notes": {},
        "columns": [],
        "findings": [],
        "events": [],
        "files": [],
        "cards": cards,
    }


def test_a_card_is_printed_as_a_table_with_its_errors() -> None:
    contract = Contract((Column("stroke", "target", "binary", ("0", "1")),))
    lines = _card_lines(UploadReport(contract=contract, card=CARD))
    assert lines[2] == {"what": "fit.beta", "column": "stroke", "shape": [11], "numbers": 11, "error": 2.0}
    printed = _render(result({"hungary": lines})).splitlines()[2:]
    assert printed == [
        "  card of hungary: 1,089 numbers",
        "    Number of rows                         1      1  error: none, exact",
        "    Joint sums of all columns        12 × 12  1,077  error: about twice what one typical row adds",
        "    Own fit of stroke: coefficients       11     11  error: about twice what one typical row adds",
    ]


def test_a_notice_is_printed_under_the_name_of_its_participant() -> None:
    found = finding_lines("hungary", [Finding(Code.DATA_SEPARATOR, "notice", details={"separator": "tabs"})])
    assert found[0] == {
        "participant": "hungary",
        "code": "data.separator",
        "column": 0,
        "severity": "notice",
        "sentence": "The cells of the file are separated by tabs.",
        "remedy": "Nothing to do if the columns are right.",
    }
    assert "  notice at hungary: The cells of the file are separated by tabs." in _render({**result({}), "findings": found}).splitlines()


def test_without_cards_nothing_is_printed_of_them() -> None:
    assert "card" not in _render(result({}))
