"""Messages by e-mail: text, HTML beside it, and the attachments."""

from __future__ import annotations

import hashlib
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from email.utils import format_datetime, localtime
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from forecastlab.adapters.notify.carrier import refused
from forecastlab.adapters.notify.loopback import is_loopback
from forecastlab.adapters.retry import TryAgain
from forecastlab.contracts.notifications import Message

_TIMEOUT_S: Final = 10.0

_PORTS: Final = {True: 465, False: 587}
"""Encrypted from the first byte -> the port where none is named."""


class Mail:
    """Sends each message as one e-mail to all recipients of an address.

    `smtp://USER:PASSWORD@SERVER:PORT?from=A&to=B&to=C` (STARTTLS), `smtps://…` (encrypted from the
    first byte). `mailto://` and `mailtos://` mean the same; there `smtp=SERVER` may name the server
    and the user be completed by the domain. Only on this machine may it be neither.
    """

    kind = "e-mail"

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        asked = parse_qs(parts.query)
        host = asked.get("smtp", [parts.hostname or ""])[0]
        try:
            port = parts.port
        except ValueError:
            raise refused("its port is no number.") from None
        self._host, self._is_encrypted = host, parts.scheme.endswith("s")
        self._port = port or _PORTS[self._is_encrypted]
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        own = self._user if "@" in self._user else f"{self._user}@{parts.hostname}"
        self._sender = asked.get("from", [own])[0]
        self._recipients = tuple(
            one.strip() for some in asked.get("to", [own]) for one in some.split(";") if one.strip()
        )
        self._starts_tls = not is_loopback(host) or asked.get("starttls") == ["yes"]
        named = (self._sender, *self._recipients)
        if not host or any(one.count("@") != 1 or one.startswith("@") for one in named):
            raise refused("it names no server, no sender or no recipient.")

    def carry(self, message: Message) -> None:
        """Send the message once."""
        mail = self._written(message)
        with self._connected() as server:
            try:
                turned_away = server.send_message(
                    mail, from_addr=self._sender, to_addrs=self._recipients
                )
            except smtplib.SMTPRecipientsRefused as error:
                raise TryAgain("its server refuses every recipient") from error
            except smtplib.SMTPResponseException as error:
                raise TryAgain(f"its server answers {error.smtp_code}") from error
            except (smtplib.SMTPException, OSError) as error:
                raise refused(f"its server broke off: {type(error).__name__}.") from error
        if turned_away:
            told = f"its server refuses {len(turned_away)} of {len(self._recipients)} recipients."
            raise refused(told)

    def _written(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        mail["Subject"] = message.title
        mail["From"], mail["To"] = self._sender, ", ".join(self._recipients)
        mail["Date"] = format_datetime(localtime())
        name = hashlib.sha256(message.key.encode()).hexdigest()[:32]
        mail["Message-ID"] = f"<{name}@forecastlab.invalid>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text)
        mail.add_alternative(message.html, subtype="html")
        for one in message.attachments:
            main, _, sub = one.media_type.partition("/")
            mail.add_attachment(one.data, maintype=main, subtype=sub, filename=one.name)
        return mail

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        server = self._greeted()
        try:
            yield server
        finally:
            with suppress(smtplib.SMTPException, OSError):  # what counts has been answered
                server.quit()

    def _greeted(self) -> smtplib.SMTP:
        """Connect, encrypt and log in: whatever fails here, nothing was sent."""
        context = ssl.create_default_context()
        try:
            if self._is_encrypted:
                server: smtplib.SMTP = smtplib.SMTP_SSL(
                    self._host, self._port, timeout=_TIMEOUT_S, context=context
                )
            else:
                server = smtplib.SMTP(self._host, self._port, timeout=_TIMEOUT_S)
        except (smtplib.SMTPException, OSError) as error:
            raise TryAgain(f"its server cannot be reached: {type(error).__name__}") from error
        try:
            if self._starts_tls and not self._is_encrypted:
                server.starttls(context=context)
            if self._password:
                server.login(self._user, self._password)
        except smtplib.SMTPNotSupportedError:
            server.close()
            told = "its server offers no encryption, or no login."
            raise refused(told, remedy="Write smtps://, or another port.") from None
        except smtplib.SMTPResponseException as error:
            server.close()
            raise TryAgain(f"its server answers {error.smtp_code}") from error
        except (smtplib.SMTPException, OSError) as error:
            server.close()
            raise TryAgain(f"its server cannot be used: {type(error).__name__}") from error
        return server
