"""How the link stands, for the page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sandbox.errors import Code


class LinkState(StrEnum):
    """What a person needs to know about the link."""

    NOT_CONFIGURED = "not configured"
    NOT_ENROLLED = "not enrolled"
    CONNECTING = "connecting"
    ONLINE = "online"
    REFUSED = "refused"
    OFFLINE = "offline"


class Reason(StrEnum):
    """Why the link is not online."""

    NONE = ""
    REVOKED = (
        "Central refused this site's key: it was revoked, or another key was enrolled since. Enrol again, or ask central's administrator. "
        "(A clock here that is a minute wrong looks the same.)"
    )
    DUPLICATE = "Another process already holds a link with this site's key. Stop it; this one tries again."
    UNREACHABLE = "Central cannot be reached: check the address, the network and the proxy setting. This site tries again."
    CERTIFICATE = "Central's certificate does not belong to its address or its authority. Compare the fingerprint; this site tries again."
    SILENT = "Central stopped answering. This site tries again."
    PROTOCOL = "Central sent something that is not in the protocol: check that both ends run compatible versions. This site tries again."
    CLOSED = "Central closed the connection. This site tries again."
    KEY_FILE = "The site's key file is missing, damaged or readable by others. See the log, or enrol again."


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """State, reason, and when central was last heard."""

    state: LinkState
    reason: Reason = Reason.NONE
    last_heard: datetime | None = None

    @property
    def code(self) -> Code | None:
        """The error code of the reason, where there is one."""
        return {
            Reason.DUPLICATE: Code.SITE_DUPLICATE,
            Reason.REVOKED: Code.SITE_ENROLMENT,
            Reason.PROTOCOL: Code.WIRE_MESSAGE,
        }.get(self.reason)
