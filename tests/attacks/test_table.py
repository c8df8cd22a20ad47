"""The table and the folder are the same list, and the table uses its own words."""

from __future__ import annotations

import re
from collections import Counter

from tests.attacks.table import ATTACKS, FOLDER, LAYERS, MODULES, SCRIPTS, WALLS, of

KINDS = {*MODULES, *SCRIPTS, "gate", "questions", "central", "protocol", "peers", "link", "csv", "manifests"}


def test_every_file_is_in_the_table_and_every_row_has_its_file() -> None:
    files = {f"{path.parent.name}/{path.stem}" for path in FOLDER.glob("*/*.*") if path.suffix in (".py", ".txt")}
    rows = [attack.label for attack in ATTACKS]
    assert files == set(rows)
    assert len(rows) == len(set(rows))


def test_no_two_files_are_the_same() -> None:
    contents = Counter(attack.raw_source for attack in ATTACKS)
    assert [n for n in contents.values() if n > 1] == []


def test_there_are_attacks_of_every_kind_and_for_every_layer() -> None:
    assert {attack.kind for attack in ATTACKS} == KINDS
    assert {attack.layer for attack in ATTACKS} == set(LAYERS)
    assert len(ATTACKS) >= 110


def test_every_row_uses_the_words_of_the_table() -> None:
    for attack in ATTACKS:
        assert attack.layer in LAYERS, attack.label
        assert set(attack.walls) <= set(WALLS), attack.label
        assert attack.control in ("reached", "may"), attack.label


def test_every_file_says_what_it_does() -> None:
    assert [attack.label for attack in ATTACKS if not re.match(rb'(# -\*-.*\n)?"""', attack.raw_source)] == []


def test_most_scripts_are_stopped_by_two_mechanisms() -> None:
    scripts = of(*SCRIPTS)
    # The others have one by nature: Landlock does not cover stat, UDP or the calls of a process about itself.
    assert sum(len(script.walls) != 1 for script in scripts) > len(scripts) / 2
