"""Weights come from a hub: resumed, checked, and there only when complete, whatever the hub or the disk does."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from imagequarry.domain.card import ModelCard
from imagequarry.errors import (
    Conflict,
    InvalidInput,
    ModelUnavailable,
    QuarryError,
    RemoteFailure,
    StorageFailure,
)
from imagequarry.models import manifest
from imagequarry.models.hub import Hub
from imagequarry.models.pulling import Puller
from imagequarry.models.weights import WeightsFolder
from tests.models.loopback_hub import REVISION, LoopbackHub, serving

CARD = ModelCard(
    "vit_b", "segment", "huggingface", "SAM", "1", "Apache-2.0", "https://example.org", hub="facebook/sam-vit-base"
)
WEIGHTS = bytes(range(256)) * 20_000  # 5 MB
FILES = {
    "config.json": b'{"model_type": "sam"}',
    "model.safetensors": WEIGHTS,
    "pytorch_model.bin": b"a pickle",
    "README.md": b"# SAM",
    ".gitattributes": b"",
}


@pytest.fixture
def hub() -> Iterator[LoopbackHub]:
    with serving(LoopbackHub(CARD.hub, dict(FILES))) as hub:
        yield hub


def pull(hub: LoopbackHub, root: Path, token: str = "", told: list[tuple[str, int, int]] | None = None) -> bool:
    seen = told if told is not None else []
    return Puller(root, Hub(hub.hub_url, token, timeout=5), pause=0).pull(CARD, lambda *step: seen.append(step))


def is_present(root: Path) -> bool:
    return WeightsFolder(root).find(CARD) is not None


def test_configuration_and_safetensors_arrive_and_nothing_else(hub: LoopbackHub, tmp_path: Path) -> None:
    assert pull(hub, tmp_path) is True
    folder = tmp_path / "vit_b"
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "manifest.json", "model.safetensors"]
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert sorted(path.name for path in tmp_path.iterdir()) == ["vit_b"]
    assert WeightsFolder(tmp_path).find(CARD) == folder


def test_the_manifest_tells_revision_sizes_and_digests(hub: LoopbackHub, tmp_path: Path) -> None:
    pull(hub, tmp_path)
    known = manifest.read(tmp_path / "vit_b")
    assert known is not None
    assert (known.model, known.repository, known.revision) == ("vit_b", CARD.hub, REVISION)
    assert known.files == tuple(manifest.recorded(tmp_path / "vit_b" / file.name) for file in known.files)


def test_progress_is_told_up_to_the_last_byte(hub: LoopbackHub, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    pull(hub, tmp_path, told=told)
    steps = [done for name, done, _ in told if name == "model.safetensors"]
    assert steps == sorted(steps)
    assert (steps[0], steps[-1]) == (0, len(WEIGHTS))
    assert len(steps) > 3


def test_what_is_here_already_is_not_loaded_again(hub: LoopbackHub, tmp_path: Path) -> None:
    pull(hub, tmp_path)
    before = len(hub.downloads())
    assert pull(hub, tmp_path) is False
    assert len(hub.downloads()) == before


def test_files_that_somebody_copied_there_are_checked_and_recorded(hub: LoopbackHub, tmp_path: Path) -> None:
    (tmp_path / "vit_b").mkdir()
    for name in ("config.json", "model.safetensors"):
        (tmp_path / "vit_b" / name).write_bytes(FILES[name])
    assert pull(hub, tmp_path) is False
    assert hub.downloads() == []
    assert manifest.read(tmp_path / "vit_b") is not None


def test_damaged_files_are_loaded_anew(hub: LoopbackHub, tmp_path: Path) -> None:
    pull(hub, tmp_path)
    with (tmp_path / "vit_b" / "model.safetensors").open("r+b") as file:
        file.seek(1000)
        file.write(b"x")
    assert pull(hub, tmp_path) is True
    assert (tmp_path / "vit_b" / "model.safetensors").read_bytes() == WEIGHTS


def test_a_newer_revision_takes_the_place_of_the_old_one(hub: LoopbackHub, tmp_path: Path) -> None:
    pull(hub, tmp_path)
    hub.revision, hub.files["model.safetensors"] = "f" * 40, WEIGHTS[::-1]
    assert pull(hub, tmp_path) is True
    assert (tmp_path / "vit_b" / "model.safetensors").read_bytes() == WEIGHTS[::-1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["vit_b"]


def test_a_connection_that_breaks_off_is_taken_up_where_it_ended(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.cut_after, hub.cuts = 2**21, 2
    assert pull(hub, tmp_path) is True
    assert [asked for _, asked in hub.downloads()] == ["", f"bytes={2**21}-", f"bytes={2**22}-"]
    assert (tmp_path / "vit_b" / "model.safetensors").read_bytes() == WEIGHTS


def test_a_hub_that_cannot_begin_in_the_middle_begins_anew(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.cut_after, hub.cuts, hub.ranges = 2**21, 1, False
    assert pull(hub, tmp_path) is True
    assert (tmp_path / "vit_b" / "model.safetensors").read_bytes() == WEIGHTS


def test_another_part_than_was_asked_for_is_refused(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.cut_after, hub.cuts, hub.wrong_range = 2**21, 1, True
    with pytest.raises(RemoteFailure, match="another part"):
        pull(hub, tmp_path)
    assert not is_present(tmp_path)


def test_patience_with_a_connection_without_progress_has_an_end(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.cut_after, hub.cuts = 0, 1000
    with pytest.raises(RemoteFailure, match="broke off"):
        pull(hub, tmp_path)
    assert not is_present(tmp_path)
    hub.cuts = 0
    assert pull(hub, tmp_path) is True


KILLED = """
import sys
from pathlib import Path
from imagequarry.models.hub import Hub
from imagequarry.models.pulling import Puller
from tests.models.test_pulling import CARD
Puller(Path(sys.argv[2]), Hub(sys.argv[1])).pull(CARD, lambda name, done, total: print(name, done, flush=True))
"""


def test_a_killed_pull_leaves_nothing_present_and_goes_on_the_next_time(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.go_on = threading.Event()
    process = subprocess.Popen([sys.executable, "-c", KILLED, hub.hub_url, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    for line in process.stdout:
        if line.split() == [b"model.safetensors", str(2**20).encode()]:
            break
    assert hub.begun.wait(10)
    begun = tmp_path / ".vit_b.part" / "model.safetensors"
    until = time.monotonic() + 60
    while begun.stat().st_size < 2**20 and time.monotonic() < until:
        time.sleep(0.01)
    process.kill()
    process.communicate()
    left = begun.stat().st_size
    assert 2**20 <= left < len(WEIGHTS)
    assert not is_present(tmp_path)

    hub.go_on = None
    assert pull(hub, tmp_path) is True
    assert hub.downloads()[-1] == ("/model.safetensors", f"bytes={left}-")
    assert (tmp_path / "vit_b" / "model.safetensors").read_bytes() == WEIGHTS


def test_two_pulls_of_one_model_do_not_mix(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.go_on = threading.Event()
    first = threading.Thread(target=pull, args=(hub, tmp_path))
    first.start()
    assert hub.begun.wait(10)
    with pytest.raises(Conflict, match="Another process"):
        pull(hub, tmp_path)
    hub.go_on.set()
    first.join(20)
    assert (tmp_path / "vit_b" / "model.safetensors").read_bytes() == WEIGHTS


@pytest.mark.parametrize("lie", [WEIGHTS[:-1] + b"x", b"short"])
def test_bytes_that_are_not_what_the_hub_states_are_not_kept(hub: LoopbackHub, tmp_path: Path, lie: bytes) -> None:
    hub.sent["model.safetensors"] = lie
    with pytest.raises(RemoteFailure):
        pull(hub, tmp_path)
    assert not is_present(tmp_path)
    hub.sent.clear()
    assert pull(hub, tmp_path) is True
    assert is_present(tmp_path)


def test_a_configuration_that_differs_from_its_git_id_is_not_kept(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.sent["config.json"] = FILES["config.json"].replace(b"sam", b"SAM")
    with pytest.raises(RemoteFailure, match=r"config\.json is not what the hub states"):
        pull(hub, tmp_path)
    assert not is_present(tmp_path)


@pytest.mark.parametrize("case", ["longer", "endless"])
def test_more_bytes_than_stated_are_refused(hub: LoopbackHub, tmp_path: Path, case: str) -> None:
    hub.endless = case == "endless"
    hub.sent["model.safetensors"] = WEIGHTS + b"and more"
    with pytest.raises(RemoteFailure, match="sent more"):
        pull(hub, tmp_path)
    assert not is_present(tmp_path)
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) < 1000


def test_a_wrong_beginning_left_by_an_earlier_try_is_found_out(hub: LoopbackHub, tmp_path: Path) -> None:
    part = tmp_path / ".vit_b.part"
    part.mkdir()
    (part / "model.safetensors").write_bytes(b"x" * 1000)
    assert pull(hub, tmp_path) is True
    assert [asked for _, asked in hub.downloads()] == ["bytes=1000-", ""]
    assert (tmp_path / "vit_b" / "model.safetensors").read_bytes() == WEIGHTS


def test_a_beginning_longer_than_the_file_is_thrown_away(hub: LoopbackHub, tmp_path: Path) -> None:
    part = tmp_path / ".vit_b.part"
    part.mkdir()
    (part / "model.safetensors").write_bytes(b"x" * (len(WEIGHTS) + 1))
    (part / "of-an-older-revision.safetensors").write_bytes(b"x")
    assert pull(hub, tmp_path) is True
    assert sorted(path.name for path in (tmp_path / "vit_b").iterdir())[-1] == "model.safetensors"


def test_the_token_opens_a_gated_repository_and_stays_with_the_hub(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.token = "hf_secret"
    assert pull(hub, tmp_path, token="hf_secret") is True
    told = {host: headers.get("Authorization") for host, path, headers in hub.requests if "model" in path}
    assert told == {"hub": "Bearer hf_secret", "storage": None}


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("where", ["api", "file"])
def test_a_gated_repository_says_what_to_do(hub: LoopbackHub, tmp_path: Path, status: int, where: str) -> None:
    if where == "api":
        hub.api_status = status
    else:
        hub.file_status = status
    with pytest.raises(ModelUnavailable, match=f"accept the licence at https://huggingface.co/{CARD.hub}"):
        pull(hub, tmp_path)
    assert not is_present(tmp_path)


def test_no_error_repeats_the_token(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.token = "hf_right"
    with pytest.raises(ModelUnavailable, match="HF_TOKEN") as refusal:
        pull(hub, tmp_path, token="hf_wrong")
    assert "hf_" not in refusal.value.message


@pytest.mark.parametrize(("status", "code"), [(404, ""), (401, "RepoNotFound")])
def test_a_repository_that_does_not_exist_is_told_so(hub: LoopbackHub, tmp_path: Path, status: int, code: str) -> None:
    hub.api_status, hub.error_code = status, code
    with pytest.raises(ModelUnavailable, match="The hub has no facebook/sam-vit-base"):
        pull(hub, tmp_path)


@pytest.mark.parametrize("status", [400, 429, 500, 503])
def test_other_refusals_name_the_status(hub: LoopbackHub, tmp_path: Path, status: int) -> None:
    hub.api_status = status
    with pytest.raises(RemoteFailure, match=str(status)):
        pull(hub, tmp_path)


def test_no_network_is_one_sentence(tmp_path: Path) -> None:
    with serving(LoopbackHub(CARD.hub, {})) as gone:
        pass
    with pytest.raises(RemoteFailure, match="could not be reached"):
        pull(gone, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("endpoint", ["ftp://example.org", "no address", "http://", "http://[::1", ""])
def test_an_endpoint_that_is_no_address_is_an_error(tmp_path: Path, endpoint: str) -> None:
    with pytest.raises(RemoteFailure):
        Puller(tmp_path, Hub(endpoint, timeout=2)).pull(CARD, lambda *step: None)


def described(**changes: object) -> bytes:
    listing = json.loads(LoopbackHub(CARD.hub, dict(FILES)).described())
    return json.dumps(listing | changes).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b"{}",
        b"[" * 100_000,
        described(sha="../../etc"),
        described(siblings=None),
        described(siblings=[{"rfilename": "config.json", "size": -1, "blobId": "0" * 40}]),
        described(siblings=[{"rfilename": "model.safetensors", "lfs": {"sha256": "none", "size": 1}}]),
        described(siblings=[{"rfilename": "config.json"}, {"rfilename": "model.safetensors"}]),
        b" " * (17 * 2**20),
    ],
)
def test_a_description_that_makes_no_sense_is_an_error(hub: LoopbackHub, tmp_path: Path, body: bytes) -> None:
    hub.api_body = body
    with pytest.raises(RemoteFailure):
        pull(hub, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_repository_with_pickles_only_is_refused(hub: LoopbackHub, tmp_path: Path) -> None:
    del hub.files["model.safetensors"]
    with pytest.raises(ModelUnavailable, match="no weights in the safetensors format"):
        pull(hub, tmp_path)


def test_names_that_lead_elsewhere_are_not_files_of_the_model(hub: LoopbackHub, tmp_path: Path) -> None:
    for name in ("../evil.safetensors", "/tmp/evil.safetensors", "sub/model.safetensors", ".hidden.safetensors"):
        hub.files[name] = b"evil"
    assert pull(hub, tmp_path / "models") is True
    assert [path.name for path in tmp_path.rglob("*.safetensors")] == ["model.safetensors"]


def test_a_size_larger_than_the_disk_is_refused_before_a_byte_is_loaded(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.stated["model.safetensors"] = {"lfs": {"sha256": "0" * 64, "size": 2**60}}
    with pytest.raises(StorageFailure, match="not enough room"):
        pull(hub, tmp_path)
    assert hub.downloads() == []
    assert not is_present(tmp_path)


def test_a_disk_that_takes_no_more_is_one_sentence_and_the_pull_goes_on_later(hub: LoopbackHub, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3 * 2**20, hard))
    try:
        with pytest.raises(StorageFailure, match="kept for the next try") as refusal:
            pull(hub, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(tmp_path) not in refusal.value.message
    assert not is_present(tmp_path)
    assert pull(hub, tmp_path) is True
    assert hub.downloads()[-1][1].startswith("bytes=")


def test_a_folder_that_cannot_be_written_is_one_sentence(hub: LoopbackHub, tmp_path: Path) -> None:
    (tmp_path / "models").write_bytes(b"a file where the folder should be")
    with pytest.raises(StorageFailure):
        pull(hub, tmp_path / "models")


def test_a_model_without_weights_cannot_be_pulled(hub: LoopbackHub, tmp_path: Path) -> None:
    card = ModelCard("region-tree", "segment", "embedded", "", "1", "MIT", "")
    with pytest.raises(InvalidInput, match="needs no weights"):
        Puller(tmp_path, Hub(hub.hub_url)).pull(card, lambda *step: None)


def test_a_folder_that_is_a_link_is_replaced_and_what_it_points_to_stays(hub: LoopbackHub, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine").write_bytes(b"kept")
    (tmp_path / "models").mkdir()
    os.symlink(elsewhere, tmp_path / "models" / "vit_b")
    assert pull(hub, tmp_path / "models") is True
    assert (elsewhere / "mine").read_bytes() == b"kept"
    assert not (tmp_path / "models" / "vit_b").is_symlink()


def test_every_error_is_one_of_ours(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.file_status = 418
    with pytest.raises(QuarryError):
        pull(hub, tmp_path)
