"""Refuse every connection that leaves this machine.

In this process by `refuse_network()`; in the Python processes that tests start because Python
imports a module of this name at its start, and this folder is on their PYTHONPATH.
"""

from __future__ import annotations

import sys
from ipaddress import ip_address
from socket import EAI_NONAME, gaierror
from typing import Any


class NetworkRefused(Exception):
    """A test tried to leave this machine; no OSError, so that no retry policy swallows it."""


def refuse_network() -> None:
    """Refuse from now on, for the life of this process; an audit hook also sees C code."""
    sys.addaudithook(_audit)


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        # Unix sockets have text or bytes for an address, and a connected socket's sendmsg None.
        host = address[0] if isinstance(address, tuple) else None
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    if isinstance(host, bytes):
        host = host.decode()
    if host is None or _is_here(host):
        return
    if host.endswith(".invalid"):  # a name that no resolver knows (RFC 6761)
        raise gaierror(EAI_NONAME, "Name or service not known")
    raise NetworkRefused(f"{event} to {host}: tests stay on this machine")


def _is_here(host: str) -> bool:
    if host in ("", "localhost"):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


if __name__ == "sitecustomize":
    refuse_network()
