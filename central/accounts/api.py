"""HTTP API of accounts, sessions and mails."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from email_validator import EmailNotValidError, validate_email
from fastapi import APIRouter, Response
from pydantic import AfterValidator, BaseModel, Field

from central.accounts.access import COOKIE, Accounts, Address, Admin, SignedIn
from central.accounts.model import MAX_NAME, NAME_PATTERN, Account, Mail, Role
from central.accounts.service import Registration
from sandbox.host.passwords import MAX_LENGTH, MIN_LENGTH
from sandbox.host.views import View

router = APIRouter(prefix="/api", tags=["accounts"])


def _email(text: str) -> str:
    try:
        return validate_email(text, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise ValueError("is not an e-mail address") from error


class NewAccount(BaseModel):
    """A registration."""

    username: str = Field(pattern=NAME_PATTERN, max_length=MAX_NAME)
    password: str = Field(min_length=MIN_LENGTH, max_length=MAX_LENGTH)
    email: Annotated[str, AfterValidator(_email)]
    institution: str = Field(min_length=1, max_length=200)


class Credentials(BaseModel):
    """A user name and a password."""

    username: str = Field(max_length=MAX_NAME)
    password: str = Field(max_length=MAX_LENGTH)


class Token(BaseModel):
    """A session token."""

    token: str


class Roles(BaseModel):
    """The roles an account gets."""

    roles: list[Role] = []


class AccountView(View):
    """An account, as administrators see it."""

    id: str
    username: str
    email: str
    institution: str
    roles: list[str]
    site_id: str | None
    created_at: datetime
    approved_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, account: Account) -> Self:
        """The view of a row."""
        return cls.model_validate(account)


class MailView(View):
    """A mail that was not delivered."""

    id: str
    recipient: str
    subject: str
    body: str
    created_at: datetime

    @classmethod
    def of(cls, mail: Mail) -> Self:
        """The view of a row."""
        return cls.model_validate(mail)


class Mails(BaseModel):
    """Mails that an administrator has to pass on, and why."""

    has_server: bool
    mails: list[MailView]


class Me(BaseModel):
    """Who is signed in."""

    username: str
    roles: list[Role]


@router.post("/accounts", status_code=201)
def register(new: NewAccount, accounts: Accounts, address: Address) -> AccountView:
    """Register. An administrator approves the account before it can do anything."""
    return AccountView.of(accounts.register(Registration(**new.model_dump()), address))


@router.get("/accounts")
def list_accounts(_: Admin, accounts: Accounts) -> list[AccountView]:
    """Every account, the waiting ones first."""
    return [AccountView.of(account) for account in accounts.accounts()]


@router.post("/sessions", status_code=201)
def sign_in(credentials: Credentials, response: Response, accounts: Accounts, address: Address) -> Token:
    """Sign in: a token for the API, and the same as a cookie for the pages."""
    token = accounts.sign_in(credentials.username, credentials.password, address)
    response.set_cookie(COOKIE, token, secure=True, httponly=True, samesite="strict", path="/")
    return Token(token=token)


@router.get("/sessions/current")
def who_am_i(identity: SignedIn) -> Me:
    """Who is signed in."""
    return Me(username=identity.username, roles=sorted(identity.roles))


@router.delete("/sessions/current", status_code=204)
def sign_out(response: Response, identity: SignedIn, accounts: Accounts) -> None:
    """Sign out: the session is revoked, its token is worth nothing from now on."""
    accounts.sign_out(identity)
    response.delete_cookie(COOKIE, secure=True, httponly=True, samesite="strict", path="/")


@router.get("/mails")
def list_mails(_: Admin, accounts: Accounts) -> Mails:
    """Mails that were not delivered: all of them when no mail server is configured."""
    return Mails(has_server=accounts.mailer.has_server, mails=[MailView.of(mail) for mail in accounts.mails()])
