"""A Hugging Face hub: what it states of a repository's files, and their bytes from any position on.

Plain HTTP rather than the ``huggingface_hub`` library: that one starts an interrupted file from its beginning in a
new process, does not compare what arrived with the SHA-256 the hub states, and comes with the model libraries only.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

import httpx
from pydantic import BaseModel, Field, ValidationError

from imagequarry.errors import ModelUnavailable, RemoteFailure
from imagequarry.models.manifest import Sha256, Size

ENDPOINT = "https://huggingface.co"

# Configuration, words and weights; nothing that could be executed, which a pickle could.
_WANTED = re.compile(
    r"(preprocessor_)?config\.json|tokenizer(_config)?\.json|vocab\.(json|txt)|merges\.txt|special_tokens_map\.json"
    r"|modules\.json|(config_)?sentence_[a-z]{1,30}(_config)?\.json|[0-9]_[A-Za-z]{1,40}/config\.json"
    r"|[A-Za-z0-9][A-Za-z0-9._-]{0,150}\.safetensors(\.index\.json)?"
)
_LARGEST_LISTING = 16 * 2**20
_CHUNK = 2**20

GitBlob = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]


class Interrupted(RemoteFailure):
    """The connection to the hub broke off."""


class _Lfs(BaseModel):
    sha256: Sha256
    size: Size


class _Sibling(BaseModel):
    rfilename: str
    size: Size | None = None
    blobId: GitBlob | None = None
    lfs: _Lfs | None = None


class _Listing(BaseModel):
    sha: GitBlob
    siblings: list[_Sibling]


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file by the hub's own words: size in bytes, SHA-256 of a large file, git's SHA-1 of a small one."""

    name: str
    size: int
    sha256: str = ""
    git_blob: str = ""

    def digests(self) -> Digests:
        return Digests(self)


class Digests:
    """Hashes a file's bytes as they come, to compare them with what the hub states."""

    def __init__(self, file: HubFile) -> None:
        self._file = file
        self._sha256 = hashlib.sha256()
        # What git calls a file's id: its SHA-1 behind a header. Used where the hub states nothing stronger.
        self._git = hashlib.sha1(f"blob {file.size}\0".encode(), usedforsecurity=False)

    def update(self, data: bytes) -> None:
        self._sha256.update(data)
        if not self._file.sha256:
            self._git.update(data)

    @property
    def sha256(self) -> str:
        return self._sha256.hexdigest()

    def agree(self) -> bool:
        """Whether the bytes so far are the file the hub described."""
        if self._file.sha256:
            return self.sha256 == self._file.sha256
        return self._git.hexdigest() == self._file.git_blob


@dataclass(frozen=True, slots=True)
class Repository:
    """One revision of a repository: the files a model is loaded from."""

    name: str
    revision: str
    files: tuple[HubFile, ...]


@dataclass(frozen=True, slots=True)
class Body:
    """A file's bytes from ``start`` on, which is 0 where the hub could not begin in the middle."""

    start: int
    chunks: Iterator[bytes]


class Hub:
    """Speaks to the hub at ``endpoint``; ``timeout`` is the longest silence in seconds."""

    def __init__(self, endpoint: str = ENDPOINT, token: str = "", timeout: float = 30.0) -> None:
        headers = {"Accept-Encoding": "identity", "User-Agent": "imagequarry"}
        if token:
            # httpx drops it where a file lies on another host.
            headers["Authorization"] = f"Bearer {token}"
        self._endpoint = endpoint.rstrip("/")
        self._client = httpx.Client(headers=headers, timeout=timeout, follow_redirects=True, max_redirects=5)

    def repository(self, name: str) -> Repository:
        """The newest revision and its configuration, tokenizer and safetensors files.

        Raises ``ModelUnavailable`` where it is gated, absent or holds no such files, ``RemoteFailure``.
        """
        with self._get(name, f"{self._endpoint}/api/models/{quote(name)}?blobs=true") as response:
            text = _all_of(response)
        try:
            listing = _Listing.model_validate_json(text)
        except ValidationError as error:
            raise RemoteFailure("The hub did not describe the repository in a way that can be understood.") from error
        files = tuple(_described(file) for file in listing.siblings if _WANTED.fullmatch(file.rfilename))
        names = {file.name for file in files}
        if "config.json" not in names or not any(name.endswith(".safetensors") for name in names):
            raise ModelUnavailable(f"The repository {name} holds no weights in the safetensors format.")
        return Repository(name, listing.sha, files)

    @contextmanager
    def open(self, repository: Repository, file: HubFile, start: int) -> Iterator[Body]:
        """The file's bytes from ``start`` on, or from 0. Raises ``Interrupted``, ``ModelUnavailable``."""
        url = f"{self._endpoint}/{quote(repository.name)}/resolve/{repository.revision}/{quote(file.name)}"
        headers = {"Range": f"bytes={start}-"} if start else {}
        with self._get(repository.name, url, headers) as response:
            yield Body(_position(response, start), response.iter_bytes(_CHUNK))

    @contextmanager
    def _get(self, repository: str, url: str, headers: dict[str, str] | None = None) -> Iterator[httpx.Response]:
        try:
            with self._client.stream("GET", url, headers=headers) as response:
                if not response.is_success:
                    raise _refusal(response, repository)
                yield response
        except httpx.TransportError as error:
            raise Interrupted("The hub could not be reached, or the connection broke off.") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise RemoteFailure("The hub did not answer in a way that can be understood.") from error


def _described(file: _Sibling) -> HubFile:
    if file.lfs is not None:
        return HubFile(file.rfilename, file.lfs.size, sha256=file.lfs.sha256)
    if file.size is None or file.blobId is None:
        raise RemoteFailure(f"The hub states neither size nor digest of {file.rfilename}, so it cannot be checked.")
    return HubFile(file.rfilename, file.size, git_blob=file.blobId)


def _refusal(response: httpx.Response, repository: str) -> ModelUnavailable | RemoteFailure:
    status, reason = response.status_code, response.headers.get("X-Error-Code", "")
    if status == 404 or reason == "RepoNotFound":
        return ModelUnavailable(f"The hub has no {repository}, or not the revision that it named.")
    if status in (401, 403):
        return ModelUnavailable(
            f"The hub does not hand out {repository}: accept the licence at {ENDPOINT}/{repository} "
            "and set HF_TOKEN to a token of the account that did."
        )
    if status == 429 or status >= 500:
        return Interrupted(f"The hub answered with status {status}; try again later.")
    return RemoteFailure(f"The hub answered with status {status}.")


def _position(response: httpx.Response, start: int) -> int:
    """Where the reply's bytes begin."""
    if response.status_code != httpx.codes.PARTIAL_CONTENT:
        return 0
    if not re.match(rf"bytes {start}-", response.headers.get("Content-Range", "")):
        raise RemoteFailure("The hub answered with another part of the file than the one it was asked for.")
    return start


def _all_of(response: httpx.Response) -> bytes:
    parts: list[bytes] = []
    size = 0
    for part in response.iter_bytes():
        size += len(part)
        if size > _LARGEST_LISTING:
            raise RemoteFailure("The hub described the repository with more than can be taken.")
        parts.append(part)
    return b"".join(parts)
