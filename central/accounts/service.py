"""What accounts can do and what is done to them. Blocking: the API calls it in the thread pool."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog
from limits import RateLimitItemPerHour
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from central.accounts import store
from central.accounts.attempts import SignInAttempts
from central.accounts.mail import Mailer
from central.accounts.model import Account, Mail, Role, SignIn
from central.accounts.tokens import Tokens
from central.settings import Settings
from sandbox.errors import Code, InputError
from sandbox.host.attempts import Attempts
from sandbox.host.database import Database, now
from sandbox.host.passwords import Passwords
from sandbox.host.problems import not_found

SITE_ID_LENGTH: Final = 10

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is signed in."""

    account_id: str
    username: str
    roles: frozenset[Role]
    session_id: str

    def has(self, role: Role) -> bool:
        """Whether the account has a role."""
        return role in self.roles


@dataclass(frozen=True, slots=True)
class Registration:
    """What somebody who registers tells."""

    username: str
    password: str
    email: str
    institution: str


class AccountService:
    """Accounts of one central."""

    def __init__(
        self, settings: Settings, database: Database, tokens: Tokens, mailer: Mailer, passwords: Passwords, central_id: str
    ) -> None:
        self.mailer = mailer
        self._database = database
        self._tokens = tokens
        self._passwords = passwords
        self._sign_ins = SignInAttempts(settings.sign_ins_per_minute)
        self._registrations = Attempts(RateLimitItemPerHour(settings.registrations_per_hour))
        self._lifetime = timedelta(hours=settings.session_hours)
        self._central_id = central_id

    def register(self, registration: Registration, address: str) -> Account:
        """A new account that waits for approval."""
        self._registrations.count(address)
        return self._add(registration, [])

    def make_administrator(self, username: str, password: str) -> Account:
        """The first account, made on the command line with every role but site."""
        roles = [Role.ADMIN.value, Role.RUNNER.value, Role.AUTHOR.value]
        return self._add(Registration(username, password, "", ""), roles)

    def _add(self, registration: Registration, roles: list[str]) -> Account:
        account = Account(
            username=registration.username,
            password_hash=self._passwords.hash(registration.password),
            email=registration.email,
            institution=registration.institution,
            roles=roles,
            approved_at=now() if roles else None,
        )
        try:
            with self._database.transaction() as session:
                session.add(account)
        except IntegrityError as error:
            raise InputError(Code.ACCOUNT_EXISTS, username=registration.username) from error
        log.info("account.registered", account=account.id)
        return account

    def check_password(self, username: str, password: str, address: str) -> Account:
        """The active account with this name and password.

        Raises:
            LimitError: too many attempts.
            InputError: the name or the password is wrong; or both are right and the account is not approved.
        """
        self._sign_ins.count(username, address)
        with self._database.transaction() as session:
            account = store.by_name(session, username)
        if not self._passwords.matches(account.password_hash if account else None, password) or account is None:
            log.warning("account.wrong_password", address=address)
            raise InputError(Code.ACCESS_CREDENTIALS)
        if not account.is_active:
            raise InputError(Code.ACCESS_NOT_APPROVED)
        return account

    def sign_in(self, username: str, password: str, address: str) -> str:
        """A session token."""
        account = self.check_password(username, password, address)
        with self._database.transaction() as session:
            sign_in = SignIn(account_id=account.id, expires_at=now() + self._lifetime)
            session.add(sign_in)
        log.info("account.signed_in", account=account.id)
        return self._tokens.issue(account.id, sign_in.id, sign_in.expires_at)

    def identify(self, token: str) -> Identity:
        """Who holds a token. Raises :class:`InputError` when its session is revoked or over."""
        session_id = self._tokens.session_id(token)
        with self._database.transaction() as session:
            row = store.live_session(session, session_id)
        if row is None or not row[1].is_active:
            raise InputError(Code.ACCESS_SIGN_IN)
        account = row[1]
        return Identity(account.id, account.username, frozenset(Role(role) for role in account.roles), session_id)

    def sign_out(self, identity: Identity) -> None:
        """Revoke the session."""
        with self._database.transaction() as session:
            sign_in = session.get(SignIn, identity.session_id)
            if sign_in is not None:
                sign_in.revoked_at = now()

    def accounts(self) -> Sequence[Account]:
        """Every account."""
        with self._database.transaction() as session:
            return store.all_accounts(session)

    def approve(self, account_id: str, roles: Sequence[Role], by: Identity) -> Account:
        """Give an account its roles; with the role site it gets its site_id, which is mailed to it.

        Raises :class:`InputError` when the last administrator would lose the role.
        """
        with self._database.transaction() as session, _keeping_an_admin(session, account_id) as account:
            account.roles = sorted({role.value for role in roles})
            account.approved_at = account.approved_at or now()
            account.revoked_at = None
            if Role.SITE in roles and account.site_id is None:
                account.site_id = hashlib.sha256(f"{self._central_id}:{account.id}".encode()).hexdigest()[:SITE_ID_LENGTH]
        log.info("account.approved", account=account.id, roles=account.roles, site=account.site_id, by=by.account_id)
        if account.email:
            self.mailer.send(account.email, "Your Tidegate account is approved", _approval_text(account))
        return account

    def revoke(self, account_id: str, by: Identity) -> Account:
        """Take an account's access away: its sessions end now. Raises :class:`InputError` for the last administrator."""
        with self._database.transaction() as session, _keeping_an_admin(session, account_id) as account:
            account.revoked_at = now()
            store.revoke_sessions(session, account_id)
        log.info("account.revoked", account=account.id, by=by.account_id)
        return account

    def set_password(self, username: str, password: str) -> None:
        """Replace a password, from the command line; sessions under the old one end."""
        with self._database.transaction() as session:
            account = store.by_name(session, username)
            if account is None:
                raise not_found("account")
            account.password_hash = self._passwords.hash(password)
            store.revoke_sessions(session, account.id)
        log.info("account.password_set", account=account.id)

    def mails(self) -> Sequence[Mail]:
        """Mails that were not delivered."""
        with self._database.transaction() as session:
            return store.mails(session)


def _get(session: Session, account_id: str) -> Account:
    account = session.get(Account, account_id)
    if account is None:
        raise not_found("account")
    return account


@contextmanager
def _keeping_an_admin(session: Session, account_id: str) -> Iterator[Account]:
    """The account, to be changed; raises :class:`InputError` when it was the last administrator and is none after the change."""
    store.lock_active(session)
    account = _get(session, account_id)
    was_admin = account.is_admin
    yield account
    # The change is written first: from then on nobody else's can come between it and the question.
    session.flush()
    if was_admin and not store.has_admin(session):
        raise InputError(Code.ACCOUNT_LAST_ADMIN, username=account.username)


def _approval_text(account: Account) -> str:
    lines = [f"Your account {account.username} at Tidegate central is approved.", f"Roles: {', '.join(account.roles) or 'none'}."]
    if account.site_id is not None:
        lines += [
            "",
            f"Your site_id is {account.site_id}",
            "",
            "Type it into the configuration of your site, together with central's address and the fingerprint of central's",
            "certificate authority. Ask for the fingerprint over another channel than this mail, for instance by telephone.",
        ]
    return "\n".join(lines) + "\n"
