from __future__ import annotations

import asyncio
import fcntl
import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.errors import PeerError
from sandbox.ledger import GENESIS, Ledger, entries, entries_of_dataset, files, verify


def written(path: Path, n: int) -> Path:
    ledger = Ledger(path)
    for number in range(n):
        ledger.append(json.dumps({"kind": "release", "round": number}).encode())
    ledger.close()
    return path


def test_a_ledger_that_was_only_appended_to_holds(tmp_path: Path) -> None:
    path = written(tmp_path / "data" / "ledger.jsonl", 3)
    written(path, 2)
    verdict = verify(path)
    assert verdict.holds
    assert verdict.n_lines == 5
    assert json.loads(path.read_text().splitlines()[0])["previous"] == GENESIS


def test_only_its_owner_may_read_the_ledger(tmp_path: Path) -> None:
    assert stat.S_IMODE(written(tmp_path / "ledger.jsonl", 1).stat().st_mode) == 0o600


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_one_flipped_byte_before_the_last_line_breaks_the_chain(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "ledger.jsonl"
    path.unlink(missing_ok=True)
    written(path, 4)
    content = bytearray(path.read_bytes())
    last_line = content.rindex(b"\n", 0, len(content) - 1) + 1
    content[data.draw(st.integers(0, 10**6)) % last_line] ^= 1 << data.draw(st.integers(0, 6))
    path.write_bytes(content)
    assert not verify(path).holds


@pytest.mark.parametrize("removed", [0, 1, 2])
def test_a_removed_line_is_found_where_it_is_missing(tmp_path: Path, removed: int) -> None:
    path = written(tmp_path / "ledger.jsonl", 4)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line for number, line in enumerate(lines) if number != removed))
    assert verify(path).broken_line == removed + 1


def test_a_broken_ledger_is_not_written_on(tmp_path: Path) -> None:
    path = written(tmp_path / "ledger.jsonl", 2)
    path.write_bytes(path.read_bytes().replace(b"release", b"relaese", 1))
    with pytest.raises(ValueError, match="broken at line 2"):
        Ledger(path)


def rotated(folder: Path, n: int) -> Path:
    ledger = Ledger(folder / "ledger.jsonl", max_bytes=600)
    for number in range(n):
        ledger.append(json.dumps({"kind": "release", "job": "a" if number % 2 else "b", "dataset": "d", "round": number}).encode())
    ledger.close()
    return folder / "ledger.jsonl"


def test_a_full_ledger_goes_on_in_a_new_file_and_the_chain_over_both(tmp_path: Path) -> None:
    path = rotated(tmp_path, 20)
    rotated(tmp_path, 20)
    names = [file.name for file in files(path)]
    assert len(names) > 3
    assert names == [*sorted(names[:-1]), "ledger.jsonl"]
    assert all(file.stat().st_size < 900 for file in files(path))
    assert verify(path).holds
    assert verify(path).is_complete
    assert [line["round"] for line in entries(path, "a")] == [n for n in range(20) if n % 2] * 2
    assert len(list(entries_of_dataset(path, "d"))) == 40


def test_a_changed_line_of_a_full_file_is_found_in_that_file(tmp_path: Path) -> None:
    path = rotated(tmp_path, 20)
    second = files(path)[1]
    second.write_bytes(second.read_bytes().replace(b"release", b"relaese", 1))
    verdict = verify(path)
    assert not verdict.holds
    assert verdict.broken_file == second.name


def test_a_file_taken_out_of_the_middle_breaks_the_chain(tmp_path: Path) -> None:
    path = rotated(tmp_path, 20)
    files(path)[1].unlink()
    assert not verify(path).holds


def test_archived_files_are_missed_by_name_and_the_rest_still_holds(tmp_path: Path) -> None:
    path = rotated(tmp_path, 20)
    files(path)[0].unlink()
    assert (verify(path).holds, verify(path).is_complete) == (True, False)
    rotated(tmp_path, 3)
    assert verify(path).holds


def test_a_crash_while_files_change_loses_nothing(tmp_path: Path) -> None:
    path = rotated(tmp_path, 20)
    path.rename(path.with_name("ledger.000099.jsonl"))
    rotated(tmp_path, 1)
    assert verify(path).holds


async def test_entries_of_jobs_that_come_at_once_make_one_chain(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    ledger = Ledger(path, max_bytes=2000)
    await asyncio.gather(*(ledger.enter(json.dumps({"kind": "release", "job": f"j{number}"}).encode()) for number in range(100)))
    ledger.close()
    assert verify(path).holds
    assert sorted(line["job"] for number in range(100) for line in entries(path, f"j{number}")) == sorted(f"j{n}" for n in range(100))


async def test_an_entry_that_is_none_is_refused_and_spoils_no_other(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    bad = (b"[]", b"no json", b'{"a": NaN}', b"\xff", b"[" * 100_000, b'{"a": "\\ud800"}')
    outcomes = await asyncio.gather(*(ledger.enter(entry) for entry in (*bad, b'{"kind": "release", "job": "j"}')), return_exceptions=True)
    ledger.close()
    assert [type(outcome) for outcome in outcomes] == [*(PeerError for _ in bad), type(None)]
    assert verify(ledger.path).n_lines == 1


async def test_an_entry_is_on_the_disk_when_entering_it_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    assert fcntl.fcntl(ledger._descriptor, fcntl.F_GETFL) & os.O_DSYNC
    written, write = [], os.write

    def notes(descriptor: int, data: bytes) -> int:
        written.append(write(descriptor, data))
        return written[-1]

    monkeypatch.setattr(os, "write", notes)
    for _ in range(3):
        await ledger.enter(b'{"kind": "release"}')
        assert sum(written) == ledger.path.stat().st_size
    ledger.close()
    assert len(written) == 3


def test_half_a_line_on_a_full_disk_is_an_error_and_leaves_a_ledger_that_holds_and_goes_on(tmp_path: Path, monkeypatch) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.append(b'{"kind":"first"}')
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[: len(data) // 2]))
    with pytest.raises(OSError, match="No space"):
        ledger.append(b'{"kind":"second"}')
    monkeypatch.undo()
    ledger.append(b'{"kind":"third"}')
    ledger.close()
    assert [json.loads(line)["kind"] for line in ledger.path.read_text().splitlines()] == ["first", "third"]
    assert verify(ledger.path).holds
