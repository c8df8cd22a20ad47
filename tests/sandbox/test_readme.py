"""The threat table names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_file_that_the_threat_table_names_is_there() -> None:
    text = (ROOT / "sandbox" / "README.md").read_text(encoding="utf-8")
    threats = text.split("## Threats")[1].split("## Limits")[0]
    named = set(re.findall(r"`([a-z_]+/[a-z_/]*(?:\.py)?|test_[a-z_]+\.py)`", threats))
    assert len(named) > 20
    places = (ROOT / "tests" / "sandbox", ROOT / "tests", ROOT / "sandbox", ROOT)
    missing = [name for name in sorted(named) if not any((place / name).exists() for place in places)]
    assert missing == []
