"""Keeps outgoing connections on the public internet, by looking at the address connected to and not at the URL."""

from __future__ import annotations

import ipaddress
import socket
from functools import cache

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError
from urllib3.util.connection import allowed_gai_family

from core.platform.errors import Refused

# IANA's special-purpose registries (RFC 6890, 9637), 6to4's relay (RFC 7526), and the address at which Azure's host
# serves every guest, 168.63.129.16.
_SPECIAL = """0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 168.63.129.16/32 169.254.0.0/16 172.16.0.0/12
    192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24
    224.0.0.0/3 2001::/23 2001:db8::/32 2002::/16 3fff::/20"""
_BLOCKS = tuple(map(ipaddress.ip_network, _SPECIAL.split()))
_ORDINARY_IPV6 = ipaddress.ip_network("2000::/3")  # outside: loopback, private, multicast, IPv4-mapped, NAT64


class Blocked(Refused):
    """The address is not on the public internet, so we do not go there."""


def is_public(address: str) -> bool:
    """Say whether a numeric IP address is an ordinary one on the public internet."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    return (ip.version == 4 or ip in _ORDINARY_IPV6) and not any(ip in block for block in _BLOCKS)


class _Guard(HTTPConnection):
    """Connects to addresses it has looked at itself, so neither a redirect nor a second DNS answer slips by."""

    allow: frozenset[str] = frozenset()

    def _new_conn(self) -> socket.socket:
        name, failure = self._dns_host, None
        if f"[{name}]:{self.port}".lower() in self.allow or f"{name}:{self.port}".lower() in self.allow:
            return super()._new_conn()
        try:
            for address in self._find_public_addresses():
                self._dns_host = address
                try:
                    return super()._new_conn()
                except ConnectTimeoutError as error:  # a refused connection is one, too
                    failure = error
        finally:
            self._dns_host = name
        raise failure or Blocked(f"{name} is not an address on the public internet")

    def _find_public_addresses(self) -> list[str]:
        """Ask DNS once; four addresses at most, since each may cost a connect time-out."""
        try:
            found = socket.getaddrinfo(self._dns_host, self.port, allowed_gai_family(), socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise NameResolutionError(self.host, self, socket.gaierror("no such name")) from None
        return [address for address in (str(found_at[0]) for *_, found_at in found) if is_public(address)][:4]


class _SecureGuard(_Guard, HTTPSConnection):
    """The same below TLS; the certificate is still checked against the name."""


@cache
def guarded_pools(allow: frozenset[str]) -> dict[str, type[HTTPConnectionPool]]:
    """Give urllib3's pool class per scheme, guarded save for the "host:port" in `allow`."""
    plain = type("Plain", (_Guard,), {"allow": allow})
    secure = type("Secure", (_SecureGuard,), {"allow": allow})
    return {
        "http": type("PlainPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
        "https": type("SecurePool", (HTTPSConnectionPool,), {"ConnectionCls": secure}),
    }
