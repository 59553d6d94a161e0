"""What fal.ai made is fetched from where links may lead, in bounds, and believed only when it is a GLB."""

from __future__ import annotations

import io
import socket
import struct
import time
from typing import Any

import httpx
import pytest
import trimesh

from imagequarry.domain.watch import Unwatched
from imagequarry.engines.remote.fal import addresses
from imagequarry.engines.remote.fal.downloading import Downloads
from imagequarry.engines.remote.fal.glb import fault_of
from imagequarry.engines.remote.fal.tripo3d import Link, model_in
from imagequarry.errors import RemoteFailure
from tests.engines.remote.fal.conftest import Make
from tests.engines.remote.fal.watching import Watched
from tests.fixtures.fal import FalQueue, File, glb, glb_of

JSON, BIN = 0x4E4F534A, 0x004E4942


def test_the_model_and_its_preview_come_back(fal: FalQueue, make: Make) -> None:
    made = make()
    assert made.glb == glb()
    assert made.preview == fal.files["preview.webp"].data
    loaded = trimesh.load_scene(io.BytesIO(made.glb), file_type="glb").to_mesh()
    assert (len(loaded.faces), loaded.is_watertight) == (4, True)


def test_no_key_goes_to_where_files_lie(fal: FalQueue, make: Make) -> None:
    make()
    assert len(fal.fetched) == 2
    assert all("Authorization" not in headers for _, headers in fal.fetched)


@pytest.mark.parametrize(
    ("missing", "taken"),
    [(["pbr_model"], "model_mesh"), (["pbr_model", "model_mesh"], "base_model"), ([], "pbr_model")],
)
def test_the_best_of_the_models_is_taken(fal: FalQueue, make: Make, missing: list[str], taken: str) -> None:
    for name in ("pbr_model", "model_mesh", "base_model"):
        fal.files[name] = File(glb({"extras": {"name": name}}))
        fal.result_changes[name] = None if name in missing else fal.file(name)
    assert make().glb == fal.files[taken].data


@pytest.mark.parametrize("file", [None, 7, "x", [], {}, {"url": None}, {"url": ""}, {"url": "h" * 9000}])
def test_a_result_without_a_model_is_a_failure(fal: FalQueue, make: Make, file: Any) -> None:
    fal.result_changes = {"pbr_model": file}
    watch = Watched()
    with pytest.raises(RemoteFailure, match="names no model"):
        make(watch)
    assert watch.checkpoint["request_id"] == fal.order.id


@pytest.mark.parametrize("result", [None, [], "x", 7])
def test_a_result_of_another_form_is_a_failure(result: Any) -> None:
    with pytest.raises(RemoteFailure, match="names no model"):
        model_in(result)


def test_a_model_without_a_preview_is_a_model(fal: FalQueue, make: Make) -> None:
    fal.result_changes = {"rendered_image": None}
    assert make().preview is None


@pytest.mark.parametrize(
    "file",
    [
        File(b"", status=404),
        File(b"x", endless=True),
        File(b"", status=500),
        File(b"x", headers={"Location": "/"}, status=302),
    ],
)
def test_a_preview_that_is_none_costs_no_model(fal: FalQueue, make: Make, file: File) -> None:
    fal.files["preview.webp"] = file
    watch = Watched()
    made = make(watch)
    assert (made.glb, made.preview) == (glb(), None)
    assert watch.lines[-1][0] == "warning"
    assert "preview did not come" in watch.lines[-1][1]


def test_a_file_that_is_no_model_is_a_failure_whose_order_is_kept(fal: FalQueue, make: Make) -> None:
    fal.files["model.glb"] = File(b"<html>lies</html>" * 9)
    watch = Watched()
    with pytest.raises(RemoteFailure, match="is no GLB"):
        make(watch)
    assert watch.checkpoint["request_id"] == fal.order.id


def test_a_file_shorter_than_was_said_is_fetched_again_and_then_a_failure(fal: FalQueue, make: Make) -> None:
    fal.result_changes = {"pbr_model": {**fal.file("model.glb"), "file_size": len(glb()) + 1}}
    with pytest.raises(RemoteFailure, match="could not be downloaded"):
        make()
    assert len(fal.fetched) == 3


def test_a_file_that_breaks_off_is_fetched_again(fal: FalQueue) -> None:
    fal.files["model.glb"].declared = len(glb()) + 1
    with pytest.raises(RemoteFailure, match="could not be downloaded"):
        Downloads(inside=True, pause=0).fetch(Link(f"{fal.url}/files/model.glb"), 2**20, Unwatched())
    assert len(fal.fetched) == 3
    fal.files["model.glb"].declared = None
    assert Downloads(inside=True).fetch(Link(f"{fal.url}/files/model.glb"), 2**20, Unwatched()) == glb()


@pytest.mark.parametrize("size", [None, "x", -5, True, 0, 1.5, {}])
def test_a_size_that_is_none_is_not_believed(fal: FalQueue, make: Make, size: Any) -> None:
    fal.result_changes = {"pbr_model": {**fal.file("model.glb"), "file_size": size}}
    assert make().glb == glb()


def test_a_file_without_end_is_cut_off(fal: FalQueue, make: Make) -> None:
    fal.files["model.glb"].endless = True
    with pytest.raises(RemoteFailure, match="larger than 1 MB"):
        make(largest_model=2**20)
    assert len(fal.fetched) == 1


@pytest.mark.alone
def test_a_file_that_comes_in_drops_is_given_up_in_time(fal: FalQueue) -> None:
    fal.files["model.glb"].pace = 0.05
    began = time.monotonic()
    with pytest.raises(RemoteFailure, match="in time"):
        Downloads(inside=True, seconds=0.3).fetch(Link(f"{fal.url}/files/model.glb"), 2**20, Unwatched())
    assert time.monotonic() - began < 5


def test_a_file_that_is_packed_is_not_unpacked(fal: FalQueue, make: Make) -> None:
    fal.files["model.glb"].headers = {"Content-Encoding": "gzip"}
    with pytest.raises(RemoteFailure, match="packed"):
        make()


def test_a_link_may_lead_on_but_not_in_circles(fal: FalQueue, make: Make) -> None:
    fal.files["model.glb"] = File(b"", status=302, headers={"Location": "/files/there"})
    fal.files["there"] = File(glb())
    fal.result_changes = {"pbr_model": {"url": f"{fal.url}/files/model.glb"}}
    assert make().glb == glb()
    fal.files["there"] = fal.files["model.glb"]
    with pytest.raises(RemoteFailure, match="one place to the next"):
        make()


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://example.org/x", "data:,x", "/x", "http://", "http://[::1", "x", "http://u:p@h/"],
)
def test_a_link_that_is_no_address_of_the_web_is_not_followed(url: str) -> None:
    with pytest.raises(RemoteFailure, match="link that"):
        addresses.checked(url)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:10.0.0.1]",
        "[64:ff9b::a00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fd00::1]",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "2130706433",
        "0x7f.1",
    ],
)
def test_no_link_leads_into_our_own_network(host: str) -> None:
    url = addresses.checked(f"http://{host}/x")
    with pytest.raises(RemoteFailure, match="own network"):
        addresses.reachable(url, inside=False)


@pytest.mark.parametrize("host", ["8.8.8.8", "[2001:4860:4860::8888]", "[64:ff9b::808:808]"])
def test_links_lead_to_the_public_network(host: str) -> None:
    url = addresses.checked(f"https://{host}/x")
    assert addresses.reachable(url, inside=False) == [host.strip("[]")]
    assert not addresses.is_inside(str(url))


def test_a_host_that_is_not_there_is_a_failure() -> None:
    with pytest.raises(RemoteFailure, match="could not be found"):
        addresses.reachable(httpx.URL("https://nowhere.invalid/x"), inside=False)


def test_a_redirect_into_our_own_network_is_not_followed(fal: FalQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    # The first host counts as public, as a store that was taken over would.
    public = addresses._is_public
    monkeypatch.setattr(addresses, "_is_public", lambda address: str(address) == "127.0.0.1" or public(address))
    fal.files["model.glb"] = File(b"", status=302, headers={"Location": "http://10.0.0.1/latest/meta-data"})
    with pytest.raises(RemoteFailure, match="own network"):
        Downloads(inside=False).fetch(Link(f"{fal.url}/files/model.glb"), 2**20, Unwatched())
    assert len(fal.fetched) == 1


def test_a_link_into_our_own_network_is_followed_where_the_queue_is_there(fal: FalQueue) -> None:
    assert addresses.is_inside(fal.url)
    assert addresses.is_inside("http://localhost:1")
    link = Link(f"{fal.url}/files/model.glb")
    assert Downloads(inside=True).fetch(link, 2**20, Unwatched()) == glb()
    with pytest.raises(RemoteFailure, match="own network"):
        Downloads(inside=False).fetch(link, 2**20, Unwatched())


def test_a_name_is_looked_up_once_and_its_address_asked(fal: FalQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    port = httpx.URL(fal.url).port
    looked: list[str] = []
    answers: list[Any] = [
        (socket.AF_INET6, 1, 6, "", ("::1", port, 0, 0)),
        (socket.AF_INET, 1, 6, "", ("127.0.0.1", port)),
    ]
    find = socket.getaddrinfo

    def lookup(host: Any, *rest: Any, **named: Any) -> Any:
        if host != "files.test":
            return find(host, *rest, **named)
        looked.append(host)
        return answers

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    # Nobody listens at the first of its addresses, so the second is asked.
    link = Link(f"http://files.test:{port}/files/model.glb")
    assert Downloads(inside=True).fetch(link, 2**20, Unwatched()) == glb()
    assert looked == ["files.test"]
    assert fal.fetched[0][1]["Host"] == f"files.test:{port}"


def test_behind_a_proxy_names_are_the_proxys_business(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:3128")
    assert addresses.reachable(httpx.URL("https://files.invalid/x"), inside=False) == [None]
    with pytest.raises(RemoteFailure, match="own network"):
        addresses.reachable(httpx.URL("https://169.254.169.254/x"), inside=False)


def described(**changes: Any) -> bytes:
    return glb(changes)


def head(version: int = 2, length: int | None = None, magic: bytes = b"glTF") -> bytes:
    whole = glb()
    return magic + struct.pack("<II", version, len(whole) if length is None else length) + whole[12:]


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "is no GLB"),
        (b"glTF", "is no GLB"),
        (head(magic=b"gltf"), "is no GLB"),
        (b"Kaydara FBX Binary  \x00" + bytes(99), "is no GLB"),
        (head(version=1), "version 1"),
        (head(length=7), "and says 7"),
        (glb() + b"\0", "and says"),
        (glb()[:-4], "and says"),
        (glb_of((JSON, b"{}  "))[:-1] + b"x", "no JSON"),
        (glb_of((BIN, b"{}  ")), "do not fit"),
        (glb_of((JSON, b"{} ")), "do not fit"),
        (glb_of(), "is no GLB"),
        (struct.pack("<4sIIII", b"glTF", 2, 24, 99, JSON) + b"{}  ", "do not fit"),
        (glb_of((JSON, b"[" * 100_000)), "no JSON"),
        (glb_of((JSON, b"\xff\xfe\xff\xfe")), "no JSON"),
        (glb_of((JSON, b"[]  ")), "without a description"),
        (described(asset={"version": "1.0"}), "without a description"),
        (described(asset=None), "without a description"),
        (described(meshes=[]), "without a mesh"),
        (described(meshes={}), "without a mesh"),
        (described(buffers=[{"byteLength": 72, "uri": "http://example.org/x.bin"}]), "elsewhere"),
        (described(images=[{"uri": "//example.org/x.png"}]), "elsewhere"),
        (described(buffers=[{"byteLength": 5000}]), "lacks a part"),
    ],
)
def test_what_is_no_model_is_told(data: bytes, fault: str) -> None:
    assert fault in fault_of(data)


def test_models_are_models() -> None:
    assert fault_of(glb()) == ""
    assert fault_of(trimesh.creation.icosphere().export(file_type="glb")) == ""
    assert fault_of(described(images=[{"uri": "data:image/png;base64,AA=="}])) == ""
