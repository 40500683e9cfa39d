"""Who may see the dashboard, and where it may listen."""

from __future__ import annotations

import pytest

from forecastlab.usecases.admit import (
    DashboardAccess,
    Visit,
    admit,
    is_loopback,
    may_listen,
    signed_in_email,
)

LOCAL = DashboardAccess()
IAP = DashboardAccess("iap")
LOGIN = DashboardAccess("login", frozenset({"jane@example.com"}))
PUBLIC = ("0.0.0.0", "::", "10.0.0.7", "dashboard.example.com", "", None)
JANE = {"is_logged_in": True, "email": "jane@example.com"}
THROUGH = {
    "X-Goog-Iap-Jwt-Assertion": "signed",
    "X-Goog-Authenticated-User-Email": "accounts.google.com:Jane@example.com",
}


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2", "::1", "localhost", "LOCALHOST"])
def test_loopback_addresses(address: str) -> None:
    assert is_loopback(address)
    assert may_listen(LOCAL, address) == "admitted"
    assert admit(LOCAL, address, Visit()) == "admitted"


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_needs_a_door(address: str | None) -> None:
    assert not is_loopback(address)
    assert may_listen(LOCAL, address) == "public_address"
    # A header or a claim is no door: anybody may send one.
    assert admit(LOCAL, address, Visit(THROUGH, JANE)) == "public_address"
    assert may_listen(IAP, address) == may_listen(LOGIN, address) == "admitted"


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_signing_in_without_a_list_is_no_door(address: str) -> None:
    nobody = DashboardAccess("login")
    assert may_listen(nobody, address) == "no_list"
    assert admit(nobody, address, Visit(claims=JANE)) == "no_list"


@pytest.mark.parametrize("assertion", [None, "", "  "])
def test_the_proxy_proves_itself_by_its_header_on_any_address(assertion: str | None) -> None:
    headers = {} if assertion is None else {"x-goog-iap-jwt-assertion": assertion}
    for address in ("127.0.0.1", "0.0.0.0"):
        assert admit(IAP, address, Visit(headers)) == "no_proxy"
        assert admit(IAP, address, Visit(THROUGH)) == "admitted"


def test_a_list_narrows_what_the_proxy_lets_through() -> None:
    listed = DashboardAccess("iap", frozenset({"jane@example.com"}))
    assert admit(listed, "0.0.0.0", Visit(THROUGH)) == "admitted"
    john = {**THROUGH, "X-Goog-Authenticated-User-Email": "accounts.google.com:john@example.com"}
    assert admit(listed, "0.0.0.0", Visit(john)) == "not_listed"
    unnamed = {"X-Goog-Iap-Jwt-Assertion": "signed"}
    assert admit(listed, "0.0.0.0", Visit(unnamed)) == "not_listed"


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({}, "sign_in"),
        ({"is_logged_in": False, "email": "jane@example.com"}, "sign_in"),
        ({"is_logged_in": "true", "email": "jane@example.com"}, "sign_in"),
        (JANE, "admitted"),
        ({**JANE, "email": " JANE@Example.com "}, "admitted"),
        ({**JANE, "email_verified": True}, "admitted"),
        ({**JANE, "email_verified": False}, "not_listed"),
        ({**JANE, "email_verified": "false"}, "not_listed"),
        ({"is_logged_in": True}, "not_listed"),
        ({"is_logged_in": True, "email": None}, "not_listed"),
        ({"is_logged_in": True, "email": "john@example.com"}, "not_listed"),
    ],
)
def test_who_signs_in_must_be_on_the_list(claims: dict[str, object], expected: str) -> None:
    assert admit(LOGIN, "0.0.0.0", Visit(claims=claims)) == expected


def test_an_empty_address_on_the_list_admits_nobody_without_one() -> None:
    # Settings drop empty parts; even one that got through would need a claim without address.
    assert signed_in_email({"email": 7}) == ""
    assert admit(LOGIN, "0.0.0.0", Visit(claims={"is_logged_in": True, "email": 7})) == "not_listed"
