"""The ``imagequarry`` command as people run it: files in, files out, and errors that are sentences."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

import imagequarry
from imagequarry.cli import main, server
from imagequarry.domain.mask import Mask
from tests.fixtures.server import SECONDS, bare_environment, command_line, photograph, photograph_size, settings_in

Finished = subprocess.CompletedProcess[str]
Run = Callable[..., Finished]


def run(folder: Path, *arguments: str, **variables: str) -> Finished:
    """The command run to its end in the folder."""
    environment = bare_environment(folder, COLUMNS="200", **variables)
    return subprocess.run(
        command_line(*arguments), cwd=folder, env=environment, capture_output=True, text=True, timeout=2 * SECONDS
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a photograph, another one, and a file that is none."""
    (tmp_path / "cat.jpg").write_bytes(photograph("chelsea"))
    (tmp_path / "cup.png").write_bytes(photograph("coffee", "PNG"))
    (tmp_path / "broken.jpg").write_bytes(photograph("chelsea")[:4000])
    return tmp_path


def check_failure(finished: Finished, *words: str) -> None:
    """It failed with a sentence that holds the words, and without a traceback."""
    assert finished.returncode != 0
    said = " ".join((finished.stdout + finished.stderr).split())
    assert "Traceback" not in said
    for word in words:
        assert word in said


@pytest.fixture
def run_here(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command run in this process, which takes a fraction of the time."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("DATA_DIR", str(folder / "data"))

    def start(*arguments: str, **variables: str) -> Finished:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("sys.argv", ["imagequarry", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        said = capsys.readouterr()
        code = end.value.code
        return Finished(arguments, code if isinstance(code, int) else int(bool(code)), said.out, said.err)

    return start


def test_the_version_is_told(tmp_path: Path) -> None:
    finished = run(tmp_path, "--version")
    assert finished.returncode == 0
    assert finished.stdout.strip() == imagequarry.__version__


def test_help_names_the_commands(tmp_path: Path) -> None:
    finished = run(tmp_path, "--help")
    assert finished.returncode == 0
    for command in ("serve", "segment", "models", "doctor"):
        assert command in finished.stdout


def test_everything_in_two_pictures_is_segmented_and_a_broken_third_is_named(folder: Path) -> None:
    finished = run(folder, "segment", "cat.jpg", "broken.jpg", "cup.png", "--out", "out")
    check_failure(finished, "broken.jpg", "JPEG file is damaged")
    assert finished.returncode == 1
    for stem, name in (("cat", "chelsea"), ("cup", "coffee")):
        found = json.loads((folder / "out" / f"{stem}.json").read_text())
        assert found["model"] == "region-tree"
        assert (found["width"], found["height"]) == photograph_size(name)
        assert len(found["masks"]) >= 5
        for number, line in enumerate(found["masks"]):
            mask = Mask.from_coco(line["segmentation"])
            assert mask.area == line["area"]
            picture = np.asarray(Image.open(folder / "out" / f"{stem}_{number}_mask.png"))
            assert ((picture == 255) == mask.array()).all()
            assert Image.open(folder / "out" / f"{stem}_{number}.png").mode == "RGBA"
        drawing = ElementTree.parse(folder / "out" / f"{stem}.svg").getroot()
        assert len(drawing.findall("{http://www.w3.org/2000/svg}path")) == len(found["masks"])
    assert not list((folder / "out").glob("broken*"))


def test_a_point_is_segmented_three_ways(folder: Path) -> None:
    finished = run(folder, "segment", "cat.jpg", "--point", "225,150", "--background", "5,5", "--out", "out")
    assert finished.returncode == 0, finished.stderr
    masks = json.loads((folder / "out" / "cat.json").read_text())["masks"]
    assert len(masks) == 3
    best = Mask.from_coco(masks[0]["segmentation"]).array()
    assert best[150, 225]
    assert not best[5, 5]


def test_a_box_is_segmented(folder: Path) -> None:
    finished = run(folder, "segment", "cat.jpg", "--box", "100,50,200,200", "--out", "out", "--feather", "0")
    assert finished.returncode == 0, finished.stderr
    masks = json.loads((folder / "out" / "cat.json").read_text())["masks"]
    assert len(masks) == 3
    alpha = np.asarray(Image.open(folder / "out" / "cat_0.png"))[..., 3]
    assert (alpha == 255).sum() == masks[0]["area"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere.jpg", "--out", "out"), ("nowhere.jpg",)),
        (("cat.jpg",), ("--out",)),
        (("cat.jpg", "--out", "out", "--point", "1"), ("not 2 numbers",)),
        (("cat.jpg", "--out", "out", "--point", "a,b"), ("not 2 numbers",)),
        (("cat.jpg", "--out", "out", "--box", "1,2,3"), ("not 4 numbers",)),
        (("cat.jpg", "--out", "out", "--point", "1,1", "--everything"), ("--everything takes no points",)),
        (("cat.jpg", "--out", "out", "--point", "9999,1"), ("lies outside", "451 x 300")),
        (("cat.jpg", "--out", "out", "--point", "nan,1"), ("lies outside",)),
        (("cat.jpg", "--out", "out", "--model", "vit_x"), ("no model 'vit_x'", "Did you mean")),
        (("cat.jpg", "--out", "out", "--model", "vit_b"), ("imagequarry models pull vit_b",)),
        (("cat.jpg", "--out", "out", "--point", "1,1", "--feather", "1000"), ("feather",)),
        (("broken.jpg", "--out", "out"), ("broken.jpg", "damaged")),
        (("cat.jpg", "--out", "cup.png/out"), ("cat.jpg",)),
    ],
    ids=lambda value: " ".join(value)[:40],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    run_here: Run, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    check_failure(run_here("segment", *arguments), *words)


def test_a_setting_that_cannot_be_used_is_named(run_here: Run) -> None:
    check_failure(run_here("doctor", PORT="many"), "PORT")
    check_failure(run_here("serve", PORT="1", API_KEYS='["secret", ""]'), "API_KEYS")


def test_a_port_that_is_taken_ends_the_server_with_a_failure(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        check_failure(run(tmp_path, "serve", PORT=str(taken.getsockname()[1])))


def test_the_doctor_says_what_is_there_and_what_is_missing(tmp_path: Path) -> None:
    finished = run(tmp_path, "doctor")
    assert finished.returncode == 0, finished.stderr
    for word in ("Python", "data folder", "database", "SQLite", "region-tree", "vit_b", "missing", "API keys"):
        assert word in finished.stdout


def test_the_doctor_finds_a_data_folder_that_cannot_be_used(run_here: Run, folder: Path) -> None:
    finished = run_here("doctor", DATA_DIR=str(folder / "cat.jpg" / "data"))
    assert finished.returncode == 1
    check_failure(finished, "broken", "DATA_DIR")


def test_models_are_listed_with_their_licence(tmp_path: Path) -> None:
    finished = run(tmp_path, "models", "list")
    assert finished.returncode == 0, finished.stderr
    for word in ("vit_h", "vit_b", "region-tree", "Apache-2.0", "MIT"):
        assert word in finished.stdout


@pytest.mark.parametrize(
    ("host", "keys", "warned"),
    [
        ("127.0.0.1", (), False),
        ("::1", (), False),
        ("localhost", (), False),
        ("0.0.0.0", (), True),
        ("::", (), True),
        ("example.org", (), True),
        ("0.0.0.0", ("key",), False),
    ],
)
def test_a_server_that_everybody_can_reach_without_a_key_says_so_loudly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], host: str, keys: tuple[str, ...], warned: bool
) -> None:
    server._warn(settings_in(tmp_path, host=host, api_keys=keys))
    assert ("WARNING" in capsys.readouterr().err) is warned


def test_pictures_of_one_name_do_not_overwrite_each_other(tmp_path: Path) -> None:
    for folder, name in (("one", "coffee"), ("two", "rocket")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "same.jpg").write_bytes(photograph(name))
    done = run(tmp_path, "segment", "one/same.jpg", "two/same.jpg", "--point", "100,100", "--out", "out")
    assert done.returncode == 0, done.stderr
    sizes = [json.loads((tmp_path / "out" / f"{stem}.json").read_text())["width"] for stem in ("same", "same-2")]
    assert sizes == [photograph_size(name)[0] for name in ("coffee", "rocket")]


def test_a_second_run_leaves_no_masks_of_the_first(tmp_path: Path) -> None:
    (tmp_path / "cup.jpg").write_bytes(photograph("coffee"))
    assert run(tmp_path, "segment", "cup.jpg", "--everything", "--out", "out").returncode == 0
    before = len(list((tmp_path / "out").glob("cup_*_mask.png")))
    assert run(tmp_path, "segment", "cup.jpg", "--point", "300,200", "--out", "out").returncode == 0
    after = {file.name for file in (tmp_path / "out").glob("cup_*.png")}
    assert before > 3
    assert after == {f"cup_{number}{kind}.png" for number in range(3) for kind in ("", "_mask")}


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"DATABASE_URL": "foo://user:secret@host/name"}, "StorageFailure"),
        ({"DEFAULT_MODEL": "nope"}, "There is no model 'nope'"),
        ({"DATA_DIR": "/dev/null"}, "StorageFailure"),
    ],
)
def test_a_server_that_cannot_start_says_why_in_a_sentence(
    tmp_path: Path, variables: dict[str, str], sentence: str
) -> None:
    done = run(tmp_path, "serve", **{"PORT": "0", **variables})
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr


def test_a_port_that_is_taken_is_told_before_the_data_is_touched(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run(tmp_path, "serve", PORT=str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert "cannot be listened on" in done.stderr
    assert not list(tmp_path.rglob("*.db"))


def test_the_routes_are_described_and_nothing_is_written(run_here: Run, folder: Path) -> None:
    described = run_here("openapi")
    assert described.returncode == 0
    assert "/generate_and_store_masks" in json.loads(described.stdout)["paths"]
    assert not (folder / "data").exists()


def test_models_in_space_are_made_in_a_folder_each(folder: Path, run_here: Run) -> None:
    finished = run_here("mesh", "cat.jpg", "cup.png", "--out", "models", "--faces", "500", "--format", "stl")
    assert finished.returncode == 0, finished.stderr
    for name in ("cat", "cup"):
        made = {file.name for file in (folder / "models" / name).iterdir()}
        assert made == {"model.glb", "model.stl", "preview.png"}
    assert "by relief" in finished.stderr


def test_a_picture_that_fails_does_not_keep_the_others_from_their_models(folder: Path, run_here: Run) -> None:
    finished = run_here("mesh", "broken.jpg", "cup.png", "--out", "models", "--faces", "500")
    check_failure(finished, "broken.jpg")
    assert (folder / "models" / "cup" / "model.glb").is_file()
    assert not (folder / "models" / "broken").exists()


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [("--faces", "3", "12 to 500000"), ("--format", "fbx", "glb, obj, ply, stl"), ("--quality", "best", "draft")],
)
def test_a_wish_for_no_such_model_is_refused_before_anything_is_made(
    folder: Path, option: str, value: str, words: str
) -> None:
    check_failure(run(folder, "mesh", "cup.png", "--out", "models", option, value), words)
    assert not (folder / "models").exists()
