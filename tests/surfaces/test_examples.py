"""The examples of the documentation run as they stand, against a real server."""

from __future__ import annotations

import base64
import json
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from tests.fixtures.server import Server, photograph
from tests.house.source import ROOT

PAGES = ("quarry", "sam2", "imgr", "context", "image2model")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(name: str, language: str) -> list[str]:
    """The page's examples in that language."""
    page = (ROOT / "docs" / "surfaces" / f"{name}.md").read_text("utf-8")
    return [text for kind, text in BLOCK.findall(page) if kind == language]


def commands(name: str) -> list[str]:
    """The curl commands of the page, each on one line."""
    lines = "".join(blocks(name, "sh")).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip()]


@dataclass
class Curl:
    """As much of curl as the examples need, in a folder; what replies say fills the variables of later commands."""

    server: Server
    folder: Path
    known: dict[str, str] = field(default_factory=dict)

    def run(self, command: str) -> httpx2.Response:
        """Run the command line."""
        words = iter(shlex.split(re.sub(r"\$([A-Z_]+)", lambda match: self.known[match[1]], command)))
        assert next(words) == "curl"
        method, url, headers, parts, body = "", "", {}, [], None
        output = None
        for word in words:
            match word:
                case "-X":
                    method = next(words)
                case "-H":
                    name, _, value = next(words).partition(": ")
                    headers[name] = value
                case "-F":
                    parts.append(self._part(next(words)))
                case "-d":
                    body = self._read(next(words))
                case "-o":
                    output = next(words)
                case _:
                    assert word.startswith("http://localhost:8000/"), word
                    url = word.replace("http://localhost:8000", self.server.url)
        method = method or ("POST" if parts or body else "GET")
        reply = self.server.client.request(method, url, headers=headers, files=parts or None, content=body)
        if output:
            (self.folder / output).write_bytes(reply.content)
        elif isinstance(said := reply.json(), dict):
            self.known |= {name.upper(): value for name, value in said.items() if isinstance(value, str)}
        return reply

    def _part(self, text: str) -> tuple[str, tuple[str | None, bytes]]:
        name, _, value = text.partition("=")
        return name, (value[1:], self._read(value)) if value.startswith("@") else (None, value.encode())

    def _read(self, value: str) -> bytes:
        return (self.folder / value[1:]).read_bytes() if value.startswith("@") else value.encode()


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_the_page_succeeds(shared_server: Server, tmp_path: Path, page: str) -> None:
    (tmp_path / "photo.jpg").write_bytes(photograph("chelsea"))
    picture = {"original_image_b64": "data:image/jpeg;base64," + base64.b64encode(photograph("chelsea")).decode()}
    (tmp_path / "picture.json").write_text(json.dumps(picture))
    curl = Curl(shared_server, tmp_path)
    found = commands(page)
    assert len(found) >= 4
    for command in found:
        reply = curl.run(command)
        assert reply.status_code == 200, f"{command}\n{reply.text[:500]}"


@pytest.mark.parametrize("page", PAGES)
def test_every_example_of_a_body_is_json(page: str) -> None:
    found = blocks(page, "json")
    assert found
    for text in found:
        json.loads(text)


def test_the_examples_of_document_b_run_against_a_server(shared_server: Server) -> None:
    script = [sys.executable, str(ROOT / "examples" / "api_examples.py"), shared_server.url]
    done = subprocess.run(script, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("All examples worked.\n")
    assert shared_server.client.get("/api/v1/directories/scan?directory_path=uploads").json()["total_files"] <= 1


def test_the_examples_say_when_there_is_no_server() -> None:
    script = [sys.executable, str(ROOT / "examples" / "api_examples.py"), "http://127.0.0.1:9"]
    done = subprocess.run(script, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 1
    assert "Is the server running?" in done.stderr
