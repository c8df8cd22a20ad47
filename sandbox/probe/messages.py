"""What the report and its locked children say to each other. What a child says is as hostile as a pair's: bounded, and never shown raw."""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

import msgspec

from sandbox.wire.codec import Decoder
from sandbox.wire.messages import Message, SourceFinding

MAX_WORD: Final = 200
Word: TypeAlias = Annotated[str, msgspec.Meta(max_length=MAX_WORD)]


class Try(Message, frozen=True):
    """Try the deed of this name."""

    name: str


class Tried(Message, frozen=True):
    """What came of it: `done`, or what stood in the way."""

    outcome: Word


class RunScript(Message, frozen=True):
    """Call `run(data, params)` of this source, with the source rules or without."""

    source: bytes
    is_restricted: bool
    max_source_bytes: int


class ScriptEnded(Message, frozen=True):
    """How it went: `kind` is the name of a type of the script's, `line` a line of it."""

    outcome: Literal["returned", "raised", "refused"]
    kind: Word = ""
    line: int = 0
    findings: tuple[SourceFinding, ...] = ()


ToChild: TypeAlias = Try | RunScript
FromChild: TypeAlias = Tried | ScriptEnded

to_child: Final[Decoder[ToChild]] = Decoder(ToChild)
from_child: Final[Decoder[FromChild]] = Decoder(FromChild)
