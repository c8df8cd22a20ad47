"""What decides is written by itself: nobody but its own methods changes a field of a room or a run. Others say what happened.

The search reads the source and knows fields by their names. So it does not see:

* a write through an alias (`statuses = room.statuses`, then `statuses.pop(site)`), nor one through a name of the method or of the field
  that is only known at run time (`setattr(room, name, None)`);
* a new value by `replace` (`dataclasses.replace`, `msgspec.structs.replace`): it makes another record and leaves the old one alone;
* files outside of the folders of `RECORDS`, also when they are handed a record;
* a method of another class in these folders that changes a field of the same name of its own self: `self` is taken for the record.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from central.jobs.room import CentralSide, Room
from remote.runs.run import Run

ROOT = Path(__file__).parents[2]
RECORDS: dict[str, tuple[type[Any], ...]] = {"central/jobs": (Room, CentralSide), "remote/runs": (Run,)}
"""Records that decide, under the folder of everybody who holds one."""
CHANGES = {"add", "append", "clear", "discard", "extend", "insert", "pop", "popitem", "remove", "setdefault", "update"}
"""Methods that change what a field holds."""


def names_of(folder: str) -> set[str]:
    return {field.name for record in RECORDS[folder] for field in fields(record)}


def is_field(node: ast.AST, names: set[str]) -> bool:
    """Whether `node` is a field of something that is not called self, or a part of one."""
    while isinstance(node, ast.Subscript | ast.Starred):
        node = node.value
    return isinstance(node, ast.Attribute) and node.attr in names and not (isinstance(node.value, ast.Name) and node.value.id == "self")


def targets(node: ast.AST) -> Iterator[ast.AST]:
    """What a statement or an expression changes."""
    match node:
        case ast.Assign(targets=found) | ast.Delete(targets=found):
            yield from found
        case ast.AugAssign(target=found) | ast.AnnAssign(target=found) | ast.For(target=found) | ast.AsyncFor(target=found):
            yield found
        case ast.withitem(optional_vars=ast.expr() as found):
            yield found
        case ast.Call(func=ast.Attribute(value=found, attr=method)) if method in CHANGES:
            yield found
        case ast.Call(func=ast.Name(id="setattr" | "delattr"), args=[held, ast.Constant(value=str(name)), *_]):
            yield ast.Attribute(held, name, ast.Store())


def flat(node: ast.AST) -> Iterator[ast.AST]:
    """The targets in a target."""
    if isinstance(node, ast.Tuple | ast.List):
        for part in node.elts:
            yield from flat(part)
    else:
        yield node


def writes(source: str, names: set[str]) -> list[str]:
    """Every place of `source` that changes a field with one of these names from outside."""
    changed = (target for node in ast.walk(ast.parse(source)) for found in targets(node) for target in flat(found))
    return [ast.unparse(target) for target in changed if is_field(target, names)]


@pytest.mark.parametrize(
    ("folder", "path"),
    [(folder, path) for folder in RECORDS for path in sorted((ROOT / folder).glob("*.py"))],
    ids=lambda value: value.name if isinstance(value, Path) else value,
)
def test_nobody_else_writes(folder: str, path: Path) -> None:
    assert writes(path.read_text(encoding="utf-8"), names_of(folder)) == []


@pytest.mark.parametrize("record", [record for records in RECORDS.values() for record in records])
def test_a_record_holds_no_task_and_no_timer(record: type[Any]) -> None:
    assert [field.name for field in fields(record) if "asyncio" in str(field.type)] == []


@pytest.mark.parametrize(
    "statement",
    [
        "room.job = job",
        "central, room.central = room.central, None",
        "self._room.progress = progress",
        "rooms[0].run: dict = {}",
        "room.statuses[site] = status",
        "room.statuses.pop(site, None)",
        "del room.central",
        "room.run |= {}",
        "for room.progress in all: pass",
        "with gate as room.central: pass",
        "[first, *room.institutions] = x",
        "setattr(room, 'central', None)",
    ],
)
def test_the_search_finds_a_write(statement: str) -> None:
    assert writes(statement, names_of("central/jobs"))


@pytest.mark.parametrize("statement", ["self.job = job", "job = room.job", "room.statuses.get(site)", "room.moved(job)", "room.other = 1"])
def test_the_search_leaves_what_is_no_write(statement: str) -> None:
    assert writes(statement, names_of("central/jobs")) == []
