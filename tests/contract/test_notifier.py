"""One suite for every way a message goes: real servers on loopback, and the log."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from forecastlab.adapters.notify.everyone import Everyone
from forecastlab.adapters.notify.log import LogNotifier
from forecastlab.contracts.errors import NotDelivered
from forecastlab.contracts.notifications import Attachment, Message
from tests.support.fake_time import FakeTime
from tests.support.faulty_http import FaultyServer, Reply, answer, slow
from tests.support.mail_server import MailServer
from tests.support.optional import demand

# apprise 2.2 imports it on 3.11 and 3.12, where it still is; delete when 3.13 is the least.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

SECRET = "s3cr3t-t0k3n"

MESSAGE = Message(
    key="flow_T21X8_T14X8/forecast/2025-09-30",
    kind="forecast",
    severity="warning",
    title="BTCUSDT 2025-09-30: no view – 看涨",
    text="BTCUSDT 2025-09-30: no view\n\nT21_X8: no view\n",
    html="<!DOCTYPE html><html><body><h2>no view</h2></body></html>",
    attachments=(Attachment("record.json", b'{"close": 114048.93}'),),
)


@dataclass(frozen=True)
class Heard:
    """One message as its receiver has it."""

    title: str
    text: str
    files: dict[str, bytes]


@dataclass(frozen=True)
class Receiver:
    """A server that messages go to, and how to make it fail."""

    address: str
    heard: Callable[[], list[Heard]]
    attempts: Callable[[], int]
    refuse: Callable[[int], None]
    fall_silent: Callable[[], None]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def webhook(stack: ExitStack) -> Receiver:
    server = stack.enter_context(FaultyServer(lambda _: Reply(204)))

    def heard() -> list[Heard]:
        told = [json.loads(one.body) for one in server.requests]
        return [
            Heard(
                one["title"],
                one["text"],
                {file["name"]: base64.b64decode(file["base64"]) for file in one["files"]},
            )
            for one in told
        ]

    return Receiver(
        f"webhook+{server.url}/{SECRET}?key={SECRET}",
        heard,
        lambda: len(server.requests),
        lambda times: server.next(*[answer(503)] * times),
        lambda: server.always(slow(9)),
    )


def service(stack: ExitStack) -> Receiver:
    server = stack.enter_context(FaultyServer(lambda _: Reply(200)))

    def heard() -> list[Heard]:
        told = [json.loads(one.body) for one in server.requests]
        return [
            Heard(
                one["title"],
                one["message"],
                {file["filename"]: base64.b64decode(file["base64"]) for file in one["attachments"]},
            )
            for one in told
        ]

    return Receiver(
        f"json://user:{SECRET}@{server.url.removeprefix('http://')}/{SECRET}",
        heard,
        lambda: len(server.requests),
        lambda times: server.next(*[answer(503)] * times),
        lambda: server.always(slow(9)),
    )


def mail(stack: ExitStack) -> Receiver:
    server = stack.enter_context(MailServer(login=("me@lab.invalid", SECRET)))

    def heard() -> list[Heard]:
        return [
            Heard(
                one["Subject"],
                one.get_body(("plain",)).get_content().replace("\r\n", "\n"),  # type: ignore[union-attr]
                {file.get_filename() or "": file.get_content() for file in one.iter_attachments()},
            )
            for one in server.mails
        ]

    def fall_silent() -> None:
        server.silent = True

    address = f"smtp://me%40lab.invalid:{SECRET}@127.0.0.1:{server.port}?to=a@lab.invalid"
    return Receiver(
        f"{address}&to=b@lab.invalid;c@lab.invalid",
        heard,
        lambda: server.attempts,
        lambda times: server.replies.extend(["451 later"] * times),
        fall_silent,
    )


RECEIVERS = {"webhook": webhook, "e-mail": mail, "apprise": service}


@pytest.fixture(params=RECEIVERS)
def receiver(request: pytest.FixtureRequest) -> Iterator[Receiver]:
    if request.param == "apprise":
        demand("apprise")
    with ExitStack() as stack:
        yield RECEIVERS[request.param](stack)


def notifier(*addresses: str, deadline_s: float = 15.0) -> Everyone:
    return Everyone(addresses, deadline_s=deadline_s, timing=FakeTime().timing)


def test_a_message_arrives_whole(receiver: Receiver) -> None:
    notifier(receiver.address).send(MESSAGE)
    [heard] = receiver.heard()
    assert heard.title == MESSAGE.title
    assert heard.text.strip() == MESSAGE.text.strip()
    assert heard.files == {"record.json": MESSAGE.attachments[0].data}


def test_what_is_refused_is_tried_once_more(receiver: Receiver) -> None:
    receiver.refuse(1)
    notifier(receiver.address).send(MESSAGE)
    assert receiver.attempts() == 2


def test_what_is_refused_twice_is_given_up(receiver: Receiver) -> None:
    receiver.refuse(2)
    with pytest.raises(NotDelivered, match="address 1 of 1"):
        notifier(receiver.address).send(MESSAGE)
    assert receiver.attempts() == 2


def test_what_may_have_arrived_is_not_sent_again(receiver: Receiver) -> None:
    receiver.fall_silent()
    with pytest.raises(NotDelivered, match="no answer within"):
        notifier(receiver.address, deadline_s=1.0).send(MESSAGE)
    assert receiver.attempts() == 1


def test_an_address_that_fails_keeps_nobody_from_the_message(receiver: Receiver) -> None:
    gone = "webhook+http://127.0.0.1:9/gone"
    with pytest.raises(NotDelivered, match=r"address 1 of 3 .*; address 3 of 3") as refusal:
        notifier(gone, receiver.address, "no address").send(MESSAGE)
    assert "address 2" not in str(refusal.value)
    assert len(receiver.heard()) == 1


@pytest.mark.parametrize("fails", [False, True])
def test_no_address_is_shown(
    receiver: Receiver, fails: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Not by this package, and not by the libraries that it calls, however much is logged."""
    everyone = notifier(receiver.address)
    said = repr(everyone)
    with caplog.at_level(logging.DEBUG):
        if fails:
            receiver.refuse(2)
            with pytest.raises(NotDelivered) as refusal:
                everyone.send(MESSAGE)
            said += str(refusal.value) + repr(refusal.value)
        else:
            everyone.send(MESSAGE)
    # The servers of these tests log what they were told; they are the other side.
    logged = [one.getMessage() for one in caplog.records if one.name != "mail.log"]
    assert MESSAGE.title in logged, "the log has the message in any case"
    told = "\n".join([said, *logged])
    assert SECRET not in told
    assert "lab.invalid" not in told


def test_the_log_has_the_message_without_its_files(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        LogNotifier().send(MESSAGE)
    [record] = caplog.records
    assert (record.levelname, record.getMessage()) == ("WARNING", MESSAGE.title)
    assert record.fields["text"] == MESSAGE.text  # type: ignore[attr-defined]
    assert "114048" not in str(record.fields)  # type: ignore[attr-defined]
