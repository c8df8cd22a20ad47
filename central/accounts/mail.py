"""Mail to people. Without a mail server it waits in the database, where administrators read and pass it on."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from typing import Final

import structlog

from central.accounts.model import Mail
from central.settings import Settings
from sandbox.host.database import Database

TIMEOUT_SECONDS: Final = 15.0

log = structlog.get_logger()


class Mailer:
    """Delivers mail, or keeps it. Blocking: call it in a thread."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database

    @property
    def has_server(self) -> bool:
        """Whether a mail server is configured."""
        return bool(self._settings.smtp_host)

    def send(self, recipient: str, subject: str, body: str) -> None:
        """Hand a mail to the server; when there is none, or it fails, keep it for the administrators."""
        if self.has_server:
            try:
                self._deliver(recipient, subject, body)
            except (OSError, smtplib.SMTPException):
                log.exception("mail.not_delivered")
            else:
                return
        with self._database.transaction() as session:
            session.add(Mail(recipient=recipient, subject=subject, body=body))

    def _deliver(self, recipient: str, subject: str, body: str) -> None:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._settings.mail_from, recipient, subject
        message.set_content(body)
        with smtplib.SMTP(self._settings.smtp_host, self._settings.smtp_port, timeout=TIMEOUT_SECONDS) as server:
            if self._settings.smtp_starttls:
                server.starttls(context=ssl.create_default_context())
            if self._settings.smtp_user and self._settings.smtp_password_file is not None:
                server.login(self._settings.smtp_user, self._settings.smtp_password_file.read_text(encoding="utf-8").strip())
            server.send_message(message)
