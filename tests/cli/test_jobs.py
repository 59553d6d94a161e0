"""``imagequarry jobs``: the list with its filters, one job, calling off and starting again; errors are sentences."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from imagequarry.cli import main
from tests.fixtures.background import batch_ended, hand_in, hand_in_batch, small, status_of
from tests.fixtures.server import SECONDS, Site, bare_environment, command_line, open_site

BOX = '{"x": 10, "y": 8, "width": 40, "height": 30}'
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def idle(tmp_path: Path) -> Iterator[Site]:
    """A server in which jobs wait for ever."""
    with open_site(tmp_path / "data", job_workers=0) as site:
        yield site


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command run in this process on the server's data: its exit code and all that it says."""
    monkeypatch.chdir(tmp_path)
    for name, value in {"DATA_DIR": str(tmp_path / "data"), "COLUMNS": "250"}.items():
        monkeypatch.setenv(name, value)

    def run(*words: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["imagequarry", "jobs", *words])
        capsys.readouterr()  # what the server in this process logged
        with pytest.raises(SystemExit) as end:
            main()
        said = capsys.readouterr()
        code = end.value.code
        return (code if isinstance(code, int) else int(bool(code))), said.out + said.err

    return run


def rows(said: str) -> list[list[str]]:
    """The cells of a table's body."""
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in said.splitlines() if line.startswith("│")]


def test_jobs_are_listed_the_newest_first_and_filtered(idle: Site, jobs: Run) -> None:
    old = hand_in(idle.client, "box", small(), box=BOX)
    new = hand_in_batch(idle.client, [small(1), small(2)])
    code, said = jobs("list")
    assert code == 0
    assert [row[:4] for row in rows(said)] == [
        [new, "segment-batch", "region-tree", "queued"],
        [old, "segment-box", "region-tree", "queued"],
    ]
    assert rows(said)[0][4] == "0% (0/2)"
    assert said.rstrip().endswith("2 of 2")
    for words, found in (
        (("--kind", "segment-box"), [old]),
        (("--state", "completed", "--state", "running"), []),
        (("--state", "queued", "--limit", "1"), [new]),
        (("--limit", "1", "--offset", "1"), [old]),
        (("--model", "vit_h"), []),
    ):
        assert [row[0] for row in rows(jobs("list", *words)[1])] == found


def test_one_job_is_shown(idle: Site, jobs: Run) -> None:
    id = hand_in(idle.client, "box", small(), box=BOX)
    code, said = jobs("show", f"task-{id}")
    assert code == 0
    facts = dict(rows(said))
    assert (facts["job"], facts["state"], facts["tries"]) == (id, "queued", "0 of 3")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", facts["created"])
    assert facts["started"] == "-"


def test_a_batch_is_shown_with_its_pictures(tmp_path: Path, jobs: Run) -> None:
    with open_site(tmp_path / "data", job_workers=1) as site:
        id = hand_in_batch(site.client, [small(), b"broken"])
        batch = batch_ended(site.client, id)
    code, said = jobs("show", id)
    assert code == 0
    assert "2: 1 completed, 1 failed" in said
    children = [row for row in rows(said) if len(row) == 5]
    assert [row[:3] for row in children] == [
        [str(place), job["job_id"], job["status"]] for place, job in enumerate(batch["jobs"])
    ]
    assert children[1][4] == batch["jobs"][1]["error"]


def test_a_job_is_called_off_and_started_again(idle: Site, jobs: Run) -> None:
    id = hand_in(idle.client, "box", small(), box=BOX)
    assert jobs("cancel", id) == (0, f"{id}: cancelled\n")
    assert status_of(idle.client, id)["status"] == "failed"
    code, said = jobs("cancel", id)
    assert (code, "ended already" in said) == (1, True)
    assert jobs("retry", id) == (0, f"{id}: queued\n")
    assert status_of(idle.client, id)["status"] == "pending"
    code, said = jobs("retry", id)
    assert (code, "Conflict" in said) == (1, True)


@pytest.mark.parametrize("word", ["show", "cancel", "retry"])
def test_an_unknown_job_is_a_sentence(idle: Site, jobs: Run, word: str) -> None:
    code, said = jobs(word, "no-such-job")
    assert code == 1
    assert said == "JobNotFound: There is no job with that id.\n"


def test_an_unknown_state_is_a_sentence_that_names_those_there_are(idle: Site, jobs: Run) -> None:
    code, said = jobs("list", "--state", "pending")
    assert code == 1
    assert "'pending'" in said
    assert "cancelled, completed, failed, queued, running" in said


def test_the_installed_command_tells_of_an_empty_list(tmp_path: Path) -> None:
    finished = subprocess.run(
        command_line("jobs", "list"),
        cwd=tmp_path,
        env=bare_environment(tmp_path, COLUMNS="200"),
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert (finished.returncode, finished.stdout.rstrip().splitlines()[-1]) == (0, "0 of 0")
