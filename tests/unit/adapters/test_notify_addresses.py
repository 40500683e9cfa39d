"""Addresses one by one: what they may say, what is encrypted, and what is never followed."""

from __future__ import annotations

import builtins
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from forecastlab.adapters.notify.everyone import Everyone, carrier_of
from forecastlab.adapters.retry import TryAgain
from forecastlab.contracts.errors import NotDelivered
from forecastlab.contracts.notifications import Message
from tests.support.certificates import certificate
from tests.support.fake_time import FakeTime
from tests.support.faulty_http import FaultyServer, Reply, answer
from tests.support.mail_server import MailServer
from tests.support.optional import demand

MESSAGE = Message("d/forecast/1", "forecast", "info", "title", "text", "<p>html</p>")


def send(*addresses: str, message: Message = MESSAGE) -> None:
    Everyone(addresses, timing=FakeTime().timing).send(message)


def why(*addresses: str, message: Message = MESSAGE) -> str:
    with pytest.raises(NotDelivered) as refusal:
        send(*addresses, message=message)
    return str(refusal.value)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("hooks.example.com/s3cret", "it is no address"),
        ("webhook+http://hooks.example.com/s3cret", "it is not encrypted"),
        ("webhook+http://127.0.0.1.example.com/s3cret", "it is not encrypted"),
        ("webhook+ftp://127.0.0.1/s3cret", "it is no web address"),
        ("webhook+https:///s3cret", "it is no web address"),
        ("smtp://127.0.0.1:twelve?to=s3cret@b.c", "its port is no number"),
        ("smtp://127.0.0.1:25?to=s3cret", "no server, no sender or no recipient"),
        ("smtp:///?from=a@b.c&to=s3cret@b.c", "no server, no sender or no recipient"),
    ],
)
def test_an_address_that_is_none_is_told_and_not_shown(address: str, told: str) -> None:
    said = why(address)
    assert told in said
    assert "s3cret" not in said


def test_nobody_to_tell_is_no_failure() -> None:
    send()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with FaultyServer(lambda _: Reply(200)) as other, FaultyServer(lambda _: Reply(200)) as server:
        server.always(answer(status, headers={"Location": f"{other.url}/stolen"}))
        assert f"a redirect ({status})" in why(f"webhook+{server.url}/hook")
        assert (len(server.requests), len(other.requests)) == (1, 0)


def test_a_webhook_is_told_the_key_and_what_kind_of_message_it_is() -> None:
    with FaultyServer(lambda _: Reply(200)) as server:
        send(f"webhook+{server.url}/hook?a=b")
        [request] = server.requests
    assert (request.method, request.path, dict(request.query)) == ("POST", "/hook", {"a": "b"})
    assert request.headers["idempotency-key"] == MESSAGE.key
    assert b'"kind": "forecast"' in request.body


def test_a_loopback_webhook_passes_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with FaultyServer(lambda _: Reply(200)) as server:
        send(f"webhook+{server.url}/hook")
        assert len(server.requests) == 1


def test_where_nobody_listens_it_is_tried_twice() -> None:
    time = FakeTime()
    with pytest.raises(NotDelivered, match=r"it cannot be reached \(after 2 attempts\)"):
        Everyone(["webhook+http://127.0.0.1:9/"], timing=time.timing).send(MESSAGE)
    assert len(time.slept) == 1


@pytest.mark.parametrize("scheme", ["smtp", "mailto"])
def test_a_password_goes_over_starttls(
    scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted, context = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with MailServer(tls=context, login=("me", "p@ss")) as server:
        options = "starttls=yes&from=me@b.c&to=a@b.c&to=d@b.c"
        send(f"{scheme}://me:p%40ss@127.0.0.1:{server.port}?{options}")
        assert server.recipients == [["a@b.c", "d@b.c"]]
    [mail] = server.mails
    parts = [part.get_content_type() for part in mail.walk()]
    assert parts == ["multipart/alternative", "text/plain", "text/html"]
    assert (mail["From"], mail["To"], mail["Auto-Submitted"]) == (
        *("me@b.c", "a@b.c, d@b.c", "auto-generated"),
    )


def test_encryption_from_the_first_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trusted, context = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with MailServer(tls=context, encrypted=True) as server:
        send(f"smtps://127.0.0.1:{server.port}?from=a@b.c&to=a@b.c")
        assert len(server.mails) == 1


def test_a_server_that_proves_nothing_is_told_nothing(tmp_path: Path) -> None:
    _, context = certificate(tmp_path)
    with MailServer(tls=context) as server:
        address = f"smtp://127.0.0.1:{server.port}?starttls=yes&from=a@b.c&to=a@b.c"
        assert "SSLCertVerificationError" in why(address)
    assert server.attempts == 0


def test_without_encryption_nothing_is_sent() -> None:
    with MailServer() as server:
        address = f"smtp://127.0.0.1:{server.port}?starttls=yes&from=a@b.c&to=a@b.c"
        assert "offers no encryption" in why(address)
    assert server.attempts == 0


def test_a_wrong_password_is_told_by_its_code() -> None:
    with MailServer(login=("me", "right")) as server:
        said = why(f"smtp://me:wr0ng@127.0.0.1:{server.port}?from=a@b.c&to=a@b.c")
    assert "its server answers 535" in said
    assert "wr0ng" not in said


def test_one_unknown_recipient_of_two_is_told_and_the_other_served() -> None:
    with MailServer(unknown=frozenset({"x@b.c"})) as server:
        said = why(f"smtp://127.0.0.1:{server.port}?from=a@b.c&to=x@b.c&to=y@b.c")
        assert "refuses 1 of 2 recipients" in said
        assert server.recipients == [["y@b.c"]], "and not sent twice"


def test_a_mail_of_the_same_message_has_the_same_name() -> None:
    with MailServer(replies=deque()) as server:
        for _ in range(2):
            send(f"smtp://127.0.0.1:{server.port}?from=a@b.c&to=a@b.c")
    first, second = server.mails
    assert first["Message-ID"] == second["Message-ID"]


def test_a_server_that_is_named_beside_the_domain() -> None:
    with MailServer() as server:
        send(f"mailto://me@example.com:{server.port}?smtp=127.0.0.1&to=a@b.c")
        assert [mail["From"] for mail in server.mails] == ["me@example.com"]


def test_without_apprise_its_addresses_name_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **options: Mapping[str, Any]) -> Any:
        if name.split(".", maxsplit=1)[0] == "apprise":
            raise ModuleNotFoundError("No module named 'apprise'", name="apprise")
        return real(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    assert "pip install 'forecastlab[notify]'" in why("tgram://s3cret/1")


def test_a_bug_of_a_library_is_one_address_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    from forecastlab.adapters.notify import webhook

    def broken(self: object, message: Message) -> None:
        raise ZeroDivisionError("s3cret")

    monkeypatch.setattr(webhook.Webhook, "carry", broken)
    said = why("webhook+https://hooks.example.com/s3cret")
    assert "webhook: ZeroDivisionError" in said
    assert "s3cret" not in said


@pytest.mark.parametrize(
    "address", ["webhook+https://h.example/s3cret", "smtps://u:s3cret@h/?to=a@b"]
)
def test_a_carrier_does_not_show_its_address(address: str) -> None:
    assert "s3cret" not in repr(carrier_of(address))


# apprise 2.2 imports it on 3.11 and 3.12, where it still is; delete when 3.13 is the least.
@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
def test_one_address_of_several_receivers_is_not_told_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Some of them may have it: apprise does not say which."""
    demand("apprise")
    token = "tgram://123456789:abcdefg_hijklmnop"
    for chats, error in (("/12315544", TryAgain), ("/12315544/34656565", NotDelivered)):
        carrier = carrier_of(f"{token}{chats}/")
        monkeypatch.setattr(carrier._service, "notify", lambda **_: False)  # type: ignore[attr-defined]
        with pytest.raises(error):
            carrier.carry(MESSAGE)
