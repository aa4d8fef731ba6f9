"""Who may call a server: pages of other origins may not, whatever a browser is made to send.

A name that a stranger owns may be made to point to this machine, so the Host header is checked; a
page of another origin could send a form, so requests that make the server work are JSON, and an
Origin has to be the server's own.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

import attrs

from textgen_core.errors import TextgenError, UsageError

_JSON = "application/json"


class Refused(TextgenError):
    """A request that is not answered; status: of HTTP, code: a word for it."""

    def __init__(self, status: int, code: str, problem: str, allowed: str = "") -> None:
        super().__init__(problem, allowed)
        self.status, self.code = status, code


@attrs.frozen(kw_only=True)
class Access:
    """What is allowed.

    host: what the server listens on. key: what clients have to know, if it is set. origins: those
    of other pages that may read answers; hosts: further names of this machine.
    """

    host: str = "127.0.0.1"
    key: str | None = None
    origins: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()

    def __attrs_post_init__(self) -> None:
        if not is_loopback(self.host) and not self.key:
            raise UsageError(
                f"--host {self.host} lets whoever reaches this machine use the model.",
                "Allowed: 127.0.0.1, or another with --key KEY, which clients then have to know.",
            )

    def check(self, method: str, headers: Mapping[str, str]) -> None:
        """Raise Refused for a request that is not allowed; headers: in lower case."""
        if not self._is_own_host(name_of(headers.get("host", ""))):
            raise Refused(
                403,
                "wrong_host",
                f"The request is for the host {headers.get('host', '')[:80]!r}.",
                "Allowed: an address of this machine, or a name that --allow-host gave it.",
            )
        origin = headers.get("origin")
        if origin is not None and not self.is_allowed(origin, headers):
            raise Refused(
                403,
                "wrong_origin",
                f"The request is of a page from {origin[:80]!r}.",
                "Allowed: the server's own page, or an origin that --allow-origin named.",
            )
        if method == "POST" and headers.get("content-type", "").partition(";")[0].strip() != _JSON:
            raise Refused(
                415,
                "wrong_content_type",
                "The body is not said to be JSON.",
                f"Allowed: the header Content-Type: {_JSON}.",
            )

    def check_key(self, headers: Mapping[str, str]) -> None:
        """Raise Refused unless the key is in the headers, where one is needed."""
        if self.key is None:
            return
        scheme, _, given = headers.get("authorization", "").partition(" ")
        known = hmac.compare_digest(given.strip().encode(), self.key.encode())
        if scheme.lower() != "bearer" or not known:
            raise Refused(
                401,
                "invalid_api_key",
                "The key is missing or wrong.",
                "Allowed: the header Authorization: Bearer KEY, with the key of --key.",
            )

    def is_allowed(self, origin: str, headers: Mapping[str, str]) -> bool:
        """Whether a page of an origin may call, because it is the server's own or was named."""
        is_own = urlsplit(origin).netloc == headers.get("host") and origin.startswith("http")
        return is_own or self.is_named(origin)

    def is_named(self, origin: str | None) -> bool:
        """Whether a page of an origin may read answers."""
        return origin in self.origins

    def _is_own_host(self, name: str) -> bool:
        if name in ("localhost", self.host.lower(), *map(str.lower, self.hosts)):
            return True
        # A stranger can own a name, and no address: an address is enough where others may call.
        return is_loopback(name) if is_loopback(self.host) else _address(name) is not None


def name_of(host: str) -> str:
    """Return the name or the address in a Host header, without its port."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.count(":") == 1 else host


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a host."""
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
