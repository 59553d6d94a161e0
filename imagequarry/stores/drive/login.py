"""Who this server is to Google, and the access token that proves it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from imagequarry.errors import RemoteFailure
from imagequarry.stores.drive.refusals import temporary

# Files are put into folders that somebody else made, which the narrower drive.file does not allow.
SCOPE = "https://www.googleapis.com/auth/drive"
TOKEN_URL = "https://oauth2.googleapis.com/token"
_LARGEST_KEY_FILE = 64 * 1024
_TEMPORARY = frozenset({408, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """A service account by its key file; ``subject`` is the person it acts for, where its domain delegates that."""

    key_file: Path | None
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A person who let this program in once, by OAuth."""

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    token_url: str = TOKEN_URL


class Login:
    """Access tokens, each used until shortly before its end.

    The key file is read anew after a refusal, so that a replaced one works without a restart.
    """

    def __init__(self, account: ServiceAccount | RefreshToken, client: httpx.Client) -> None:
        self._account = account
        self._client = client
        self._lock = threading.Lock()
        self._credentials: Any = None

    def token(self, timeout: float, refused: str | None = None) -> str:
        """A token that should be accepted, and is not the ``refused`` one. ``timeout`` in seconds is for each step.

        Raises ``RemoteFailure`` where the key cannot be used or Google refuses it, ``Temporary`` where Google could
        not be asked.
        """
        # Another thread may be waiting for Google in there.
        if not self._lock.acquire(timeout=timeout):
            raise temporary("Google's login did not answer in time.")
        try:
            if self._credentials is None:
                self._credentials = _credentials(self._account)
            if not self._credentials.valid or self._credentials.token == refused:
                self._refresh(timeout)
            return str(self._credentials.token)
        finally:
            self._lock.release()

    def _refresh(self, timeout: float) -> None:
        from google.auth import exceptions

        try:
            self._credentials.refresh(_transport(self._client, timeout))
            # It becomes a header, which takes nothing else.
            self._credentials.token.encode("ascii")
        except exceptions.TransportError as error:
            raise temporary("Google's login could not be reached.") from error
        except (exceptions.GoogleAuthError, ValueError, TypeError, AttributeError, KeyError, OverflowError) as error:
            self._credentials = None
            raise RemoteFailure(_why(error, self._account)) from error


def _credentials(account: ServiceAccount | RefreshToken) -> Any:
    # Here and not above: these take a tenth of a second to import, and most servers know no Google Drive.
    from google.oauth2 import credentials, service_account

    if isinstance(account, RefreshToken):
        return credentials.Credentials(  # type: ignore[no-untyped-call]
            None,
            refresh_token=account.refresh_token,
            token_uri=account.token_url,
            client_id=account.client_id,
            client_secret=account.client_secret,
        )
    info = _key(account.key_file)
    try:
        return service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
            info, scopes=[SCOPE], subject=account.subject
        )
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise RemoteFailure("GOOGLE_SERVICE_ACCOUNT_JSON names a file whose key cannot be used.") from error


def _key(file: Path | None) -> Mapping[str, Any]:
    """The service account's key: a JSON object."""
    if file is None:
        raise RemoteFailure("Google Drive is enabled but GOOGLE_SERVICE_ACCOUNT_JSON names no key file.")
    try:
        with file.open("rb") as stream:
            info = json.loads(stream.read(_LARGEST_KEY_FILE))
    except OSError as error:
        raise RemoteFailure("The file that GOOGLE_SERVICE_ACCOUNT_JSON names cannot be read.") from error
    except (ValueError, RecursionError) as error:
        raise RemoteFailure("The file that GOOGLE_SERVICE_ACCOUNT_JSON names is not JSON.") from error
    if not isinstance(info, dict) or info.get("type") != "service_account":
        raise RemoteFailure("The file that GOOGLE_SERVICE_ACCOUNT_JSON names is not a service account's key.")
    return info


class _Reply(NamedTuple):
    """A reply as google-auth wants it."""

    status: int
    headers: Mapping[str, str]
    data: bytes


def _transport(client: httpx.Client, timeout: float) -> Callable[..., _Reply]:
    """google-auth's way to HTTP, through our client.

    It would retry by itself, for as long as it likes: so in trouble it is told that nobody answered, and whoever
    wanted the token decides whether to try again.
    """
    from google.auth import exceptions

    def request(
        url: str, method: str = "GET", body: Any = None, headers: Any = None, timeout: float = timeout, **_: Any
    ) -> _Reply:
        try:
            reply = client.request(method, url, content=body, headers=headers, timeout=timeout)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise exceptions.TransportError("no answer") from error  # type: ignore[no-untyped-call]
        if reply.status_code in _TEMPORARY:
            raise exceptions.TransportError("no answer for now")  # type: ignore[no-untyped-call]
        return _Reply(reply.status_code, reply.headers, reply.content)

    return request


def _why(error: Exception, account: ServiceAccount | RefreshToken) -> str:
    """Google's OAuth error as a sentence; RFC 6749, section 5.2, names the words."""
    reply = error.args[1] if len(error.args) > 1 else None
    word = reply.get("error") if isinstance(reply, dict) else None
    if isinstance(account, RefreshToken):
        return "Google did not accept the refresh token: it was revoked or has expired, so make a new one."
    if word == "unauthorized_client":
        return "Google does not let the service account act for GOOGLE_DRIVE_SUBJECT: grant it domain-wide delegation."
    if word == "invalid_grant":
        return (
            "Google did not accept the service account's key: it was deleted or disabled, GOOGLE_DRIVE_SUBJECT is "
            "unknown, or this machine's clock is wrong."
        )
    return "Google did not accept the service account's key."
