"""The numbers that a site stated of its file, one entry per part, as a reviewer reads them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sandbox.contract import Contract
from sandbox.manifest import CARD
from sandbox.reviewer.values import to_array
from sandbox.wire.values import Record

POINT: Final = "point"
AT: Final = "beta"
"""The part of a point that says where it lies."""


def list_parts(fields: Mapping[str, Record], contract: Contract) -> list[dict[str, Any]]:
    """The parts of all fields, in their order: `what`, `target`, `point`, `field`, `part`, `values`.

    `what` is the field's name up to the dot, of which `CARD_PARTS` has the shapes. `target` is the name of the column that the field is
    about, None for the part about all rows. `point` is where a score was taken, a list, None for what is no score. `values` is an array.
    """
    return [
        {
            "what": what,
            "target": None if what == CARD else contract.column(int(number)).name,
            "point": to_array(record[AT]).tolist() if what == POINT else None,
            "field": field,
            "part": part,
            "values": to_array(values),
        }
        for field, record in fields.items()
        for what, _, number in [field.partition(".")]
        for part, values in record.items()
    ]
