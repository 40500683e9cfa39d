"""A real SMTP server on loopback that takes every mail until it is told to misbehave."""

from __future__ import annotations

import asyncio
import ssl
import threading
import warnings
from collections import deque
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Any, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass
class MailServer:
    """An SMTP server on 127.0.0.1 that runs while its context is open.

    Attributes:
        tls: the certificate of STARTTLS; None offers none.
        encrypted: TLS from the first byte instead.
        login: user and password that are demanded, if any.
        replies: what the next mails are answered instead of being taken, as `451 later`.
        unknown: recipients that are refused.
        silent: mails are never answered.
        mails: what was taken.
        attempts: how often a mail was handed over, taken or not.
    """

    tls: ssl.SSLContext | None = None
    encrypted: bool = False
    login: tuple[str, str] | None = None
    replies: deque[str] = field(default_factory=deque)
    unknown: frozenset[str] = frozenset()
    silent: bool = False
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    attempts: int = 0
    port: int = 0

    async def handle_RCPT(  # noqa: N802 - named by aiosmtpd
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.unknown:
            return "550 nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - named by aiosmtpd
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        self.attempts += 1
        if self.silent:
            await self._closing.wait()
        if self.replies:
            return self.replies.popleft()
        parsed = message_from_bytes(cast("bytes", envelope.content), policy=policy.default)
        self.mails.append(cast("EmailMessage", parsed))
        self.recipients.append(list(envelope.rcpt_tos))
        return "250 OK"

    def __enter__(self) -> MailServer:
        self._loop = asyncio.new_event_loop()
        self._closing = asyncio.Event()
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,))
        self._thread.start()
        assert started.wait(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join(10)

    def _run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve(started))
        self._loop.close()

    async def _serve(self, started: threading.Event) -> None:
        server = await self._loop.create_server(
            self._session, "127.0.0.1", 0, ssl=self.tls if self.encrypted else None
        )
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        await self._closing.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _session(self) -> SMTP:
        options: dict[str, Any] = {"enable_SMTPUTF8": True, "loop": self._loop}
        if self.tls is not None and not self.encrypted:
            options |= {"tls_context": self.tls, "require_starttls": True}
        if self.login is not None:
            options |= {
                "authenticator": self._authenticated,
                "auth_required": True,
                "auth_require_tls": self.tls is not None and not self.encrypted,
            }
        with warnings.catch_warnings():
            # It warns of a password without TLS, which is what some tests are about.
            warnings.simplefilter("ignore")
            return SMTP(self, hostname="localhost", **options)

    def _authenticated(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        known = (data.login.decode(), data.password.decode()) == self.login
        return AuthResult(success=known, handled=False)
