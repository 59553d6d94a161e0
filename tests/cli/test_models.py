"""The command ``imagequarry models``, run as a person runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.models.loopback_hub import LoopbackHub, serving

FILES = {"config.json": b'{"model_type": "sam"}', "model.safetensors": b"weights" * 1000}


@pytest.fixture
def hub() -> Iterator[LoopbackHub]:
    with serving(LoopbackHub("facebook/sam-vit-base", dict(FILES))) as hub:
        yield hub


def quarry(folder: Path, hub: LoopbackHub | None, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    settings = {"DATA_DIR": str(folder), "COLUMNS": "200"} | ({"HF_ENDPOINT": hub.hub_url} if hub else {})
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "SAM_", "MODEL"))}
    command = [sys.executable, "-c", "from imagequarry.cli import main; main()", *words]
    return subprocess.run(
        command, cwd=folder, env=kept | settings | more, capture_output=True, text=True, timeout=60, check=False
    )


def test_pulling_verifying_and_removing(hub: LoopbackHub, tmp_path: Path) -> None:
    pulled = quarry(tmp_path, hub, "models", "pull", "sam_vit_b")
    assert (pulled.returncode, "vit_b: complete and checked" in pulled.stderr) == (0, True)
    assert "here already" in quarry(tmp_path, hub, "models", "pull", "vit_b").stderr

    sound = quarry(tmp_path, None, "models", "verify")
    # Two files of this model, and the weights of MiniLM, which come with the libraries.
    assert (sound.returncode, sound.stdout.count("ok")) == (0, 3)
    with (tmp_path / "models" / "vit_b" / "model.safetensors").open("r+b") as file:
        file.write(b"x")
    broken = quarry(tmp_path, None, "models", "verify", "vit_b")
    assert (broken.returncode, "damaged" in broken.stdout) == (1, True)

    removed = quarry(tmp_path, None, "models", "rm", "vit_b")
    assert (removed.returncode, "vit_b: removed" in removed.stdout) == (0, True)
    assert list((tmp_path / "models").iterdir()) == []


def test_the_list_tells_size_licence_digest_and_what_is_here(hub: LoopbackHub, tmp_path: Path) -> None:
    quarry(tmp_path, hub, "models", "pull", "vit_b")
    (tmp_path / "models" / "sam_vit_l_0b3195.pth").write_bytes(b"weights")
    rows = {
        cells[0]: cells
        for line in quarry(tmp_path, None, "models", "list").stdout.splitlines()
        if len(cells := [cell.strip() for cell in line.strip("│").split("│")]) == 7
    }
    assert rows["vit_b"][2:5] == ["375", "Apache-2.0", "yes"]
    assert len(rows["vit_b"][5]) == 12
    assert rows["vit_l"][4] == "checkpoint"
    assert rows["vit_h"][4] == "no"
    assert rows["region-tree"][4] == "yes"
    assert rows["tripo3d"][4] == "not set up"
    assert rows["sam3"][6] == "facebook/sam3"
    assert rows["all-MiniLM-L6-v2"][4] == "yes"


def test_a_gated_model_says_what_to_do_in_one_sentence_and_no_traceback(tmp_path: Path) -> None:
    with serving(LoopbackHub("facebook/sam3", dict(FILES), token="hf_right")) as hub:
        refused = quarry(tmp_path, hub, "models", "pull", "sam3", HF_TOKEN="hf_wrong")
        assert refused.returncode == 1
        assert "accept the licence at https://huggingface.co/facebook/sam3 and set HF_TOKEN" in refused.stderr
        assert "Traceback" not in refused.stderr
        assert "hf_wrong" not in refused.stderr
        assert quarry(tmp_path, hub, "models", "pull", "sam3", HF_TOKEN="hf_right").returncode == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("rm", "region-tree"), "needs no weights"),
        (("pull", "region-tree"), "needs no weights"),
        (("rm", "vit_b"), "not on this machine"),
        (("pull", "../../etc"), "There is no model"),
        (("rm", "../../etc"), "There is no model"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    refused = quarry(tmp_path, None, "models", *words)
    assert (refused.returncode, said in refused.stderr) == (1, True)
    assert "Traceback" not in refused.stderr


def test_the_doctor_tells_of_a_checkpoint_that_is_not_there(tmp_path: Path) -> None:
    told = quarry(tmp_path, None, "doctor", SAM_CHECKPOINT_PATH=str(tmp_path / "sam_vit_b.pth"))
    assert "SAM_CHECKPOINT_PATH names a file that is not there." in told.stdout
    assert "imagequarry models pull vit_h" in told.stdout


def test_nothing_is_pulled_where_only_local_files_may_be_used(hub: LoopbackHub, tmp_path: Path) -> None:
    refused = quarry(tmp_path, hub, "models", "pull", "vit_b", USE_LOCAL_FILES_ONLY="true")
    assert (refused.returncode, "USE_LOCAL_FILES_ONLY is set" in refused.stderr) == (1, True)
    assert not (tmp_path / "data" / "models" / "vit_b").exists()
