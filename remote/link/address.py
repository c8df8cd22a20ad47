"""Where the link goes, from the configuration and the key file. The seam between `config` and the socket."""

from __future__ import annotations

from collections.abc import Callable

from remote.config.authority import trust
from remote.config.service import ConfigService
from remote.keys import Keys
from remote.link.client import Address
from remote.link.status import LinkState
from remote.link.token import make_token


def make_find_address(config: ConfigService, keys: Keys) -> Callable[[], Address | LinkState]:
    """A function that answers where to connect now, or why that is not known."""

    def find_address() -> Address | LinkState:
        current = config.current
        if current is None:
            return LinkState.NOT_CONFIGURED
        if not current.is_enrolled:
            return LinkState.NOT_ENROLLED
        site_id, central_id = current.site_id, current.central_id
        # The key is read anew for every connection, so that a changed file mode is noticed.
        return Address(current.url, trust(current.ca_pem), lambda: make_token(keys.site_key(), site_id, central_id))

    return find_address
