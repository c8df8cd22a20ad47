"""Lines of a ledger on a page: what chains share is said once, and a long job has more than one page."""

from __future__ import annotations

import pytest

from sandbox.pages.lines import LINES_AT_ONCE, LONG, by_chain, shortened, stretch


def steps(**asked: str) -> list[dict[str, object]]:
    return [{"chain": int(chain[1:]), "step": step} for chain, names in asked.items() for step in names.split()]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"c1": "score"}, [("", "score")]),
        ({"c1": "fill moments", "c2": "fill moments"}, [("chains 1–2", "fill moments")]),
        ({"c1": "score", "c2": "fill", "c3": "score", "c4": "score", "c5": "fill"}, [("chains 1, 3–4", "score"), ("chains 2, 5", "fill")]),
        ({"c2": "score"}, [("chain 2", "score")]),
        ({}, []),
    ],
)
def test_chains_that_were_asked_the_same_are_named_together(asked: dict[str, str], expected: list[tuple[str, str]]) -> None:
    found = by_chain(steps(**asked), "step")
    assert [(chains, " ".join(part["step"] for part in parts)) for chains, parts in found] == expected


def test_what_is_not_shown_tells_no_chains_apart_and_old_lines_have_one_chain() -> None:
    fields = [{"chain": chain, "name": "moments", "new": chain} for chain in (1, 2)]
    assert [chains for chains, _ in by_chain(fields, "name")] == ["chains 1–2"]
    assert [chains for chains, _ in by_chain(fields, "name", "new")] == ["chain 1", "chain 2"]
    assert by_chain([{"name": "moments"}], "name") == [("", [{"name": "moments"}])]


@pytest.mark.parametrize(
    ("n_lines", "page", "expected"),
    [
        (0, 1, (1, 1, 1, 0)),
        (LINES_AT_ONCE, 1, (1, 1, 1, LINES_AT_ONCE)),
        (LINES_AT_ONCE + 1, 1, (1, 2, 1, LINES_AT_ONCE)),
        (LINES_AT_ONCE + 1, 2, (2, 2, LINES_AT_ONCE + 1, LINES_AT_ONCE + 1)),
        (LINES_AT_ONCE + 1, 99, (2, 2, LINES_AT_ONCE + 1, LINES_AT_ONCE + 1)),
        (LINES_AT_ONCE + 1, -5, (1, 2, 1, LINES_AT_ONCE)),
    ],
)
def test_a_page_has_so_many_lines_and_knows_its_neighbours(n_lines: int, page: int, expected: tuple[int, int, int, int]) -> None:
    shown = stretch([{"round": number} for number in range(1, n_lines + 1)], page)
    assert (shown.page, shown.n_pages, shown.first, shown.last) == expected
    assert [line["round"] for line in shown.lines] == list(range(shown.first, shown.last + 1))
    assert shown.n_lines == n_lines


def test_of_a_long_text_a_page_shows_the_beginning_and_how_much_more_there_is() -> None:
    line = {"kind": "life", "sketch": {"counts": "x" * (LONG + 1_234), "n": 3}, "columns": ["y" * LONG]}
    assert shortened(line) == {
        "kind": "life",
        "sketch": {"counts": "x" * LONG + " and 1,234 more characters", "n": 3},
        "columns": ["y" * LONG],
    }
