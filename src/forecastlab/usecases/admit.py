"""Admit a visitor to the dashboard, or say why not: who may see it, and where it may listen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final, Literal

AccessMethod = Literal["local", "iap", "login"]
Admission = Literal["admitted", "sign_in", "public_address", "no_list", "no_proxy", "not_listed"]

ASSERTION: Final = "x-goog-iap-jwt-assertion"
"""The header that the identity-aware proxy signs; it takes it off whatever comes from outside."""

PROXY_EMAIL: Final = "x-goog-authenticated-user-email"
"""The header that names the visitor, as `accounts.google.com:jane@example.com`."""


@dataclass(frozen=True)
class DashboardAccess:
    """Who may see the dashboard.

    Attributes:
        method: `local` whoever is at this machine; `iap` whom the identity-aware proxy lets
            through; `login` who signs in and is on the list.
        allowed: e-mail addresses in lower case; empty under `iap` leaves the choice to the proxy.
    """

    method: AccessMethod = "local"
    allowed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Visit:
    """What a page view shows of its visitor.

    Attributes:
        headers: of the request that opened the session.
        claims: of the signed-in user, or empty.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    claims: Mapping[str, object] = field(default_factory=dict)


def is_loopback(address: str | None) -> bool:
    """Say whether only this machine reaches a server that listens on the address.

    None and names other than `localhost` count as public: a server without an address listens on
    every one.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0"), is_loopback(None)
    (True, True, False, False)
    """
    if address is None:
        return False
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address.lower() == "localhost"


def may_listen(access: DashboardAccess, address: str | None) -> Admission:
    """Say whether a server with this access may listen on the address.

    >>> may_listen(DashboardAccess(), "0.0.0.0")
    'public_address'
    """
    if access.method == "login" and not access.allowed:
        return "no_list"
    if access.method == "local" and not is_loopback(address):
        return "public_address"
    return "admitted"


def admit(access: DashboardAccess, address: str | None, visit: Visit) -> Admission:
    """Admit a visitor to the server that listens on the address, or say what is missing.

    >>> admit(DashboardAccess("login", frozenset({"jane@example.com"})), "0.0.0.0", Visit())
    'sign_in'
    """
    listening = may_listen(access, address)
    if listening != "admitted" or access.method == "local":
        return listening
    if access.method == "iap":
        return _through_proxy(access, visit.headers)
    if visit.claims.get("is_logged_in") is not True:
        return "sign_in"
    return "admitted" if signed_in_email(visit.claims) in access.allowed else "not_listed"


def signed_in_email(claims: Mapping[str, object]) -> str:
    """Return the visitor's e-mail address in lower case; empty if its provider disowns it.

    >>> signed_in_email({"email": "Jane@Example.com"})
    'jane@example.com'
    >>> signed_in_email({"email": "jane@example.com", "email_verified": False})
    ''
    """
    disowned = str(claims.get("email_verified", True)).lower() == "false"
    email = claims.get("email")
    return email.strip().lower() if isinstance(email, str) and not disowned else ""


def _through_proxy(access: DashboardAccess, headers: Mapping[str, str]) -> Admission:
    given = {name.lower(): value for name, value in headers.items()}
    if not given.get(ASSERTION, "").strip():
        return "no_proxy"
    email = given.get(PROXY_EMAIL, "").rpartition(":")[2].strip().lower()
    return "admitted" if not access.allowed or email in access.allowed else "not_listed"
