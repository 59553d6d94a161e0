"""The container files, read as a linter would: no root, no secrets, health checks that work, settings that exist."""

from __future__ import annotations

import fnmatch
import json
import re
import shlex
import subprocess
import sys
import tomllib
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from imagequarry.settings import Settings, read_settings
from tests.fixtures.redis import free_port
from tests.fixtures.server import SECONDS, Serve
from tests.house.source import ROOT

SETTINGS = {name.upper() for name in Settings.model_fields}
NOT_OURS = re.compile(r"PATH|PYTHON\w+|PIP_\w+")
SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("api", "worker")


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions in order: the word, and the rest of its line."""
    lines = (ROOT / "Dockerfile").read_text("utf-8").splitlines()
    whole = "\n".join(line for line in lines if line.strip() and not line.startswith("#")).replace("\\\n", " ")
    return [
        (word.upper(), " ".join(rest.split())) for word, _, rest in (line.partition(" ") for line in whole.splitlines())
    ]


def last_stage() -> list[tuple[str, str]]:
    said = instructions()
    begin = max(place for place, (word, _) in enumerate(said) if word == "FROM")
    return said[begin:]


def every(word: str, said: list[tuple[str, str]] | None = None) -> list[str]:
    return [rest for name, rest in (instructions() if said is None else said) if name == word]


def one(word: str) -> str:
    """The only such instruction of the image itself."""
    (rest,) = every(word, last_stage())
    return rest


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps the file out of the build: the last line that matches it, or a folder above, wins."""
    folders = [path, *("/".join(path.split("/")[:depth]) for depth in range(1, path.count("/") + 1))]
    kept_out = False
    for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            pattern = line.removeprefix("!").removeprefix("**/")
            names = [
                part for folder in folders for part in ([folder.rpartition("/")[2]] if "**/" in line else [folder])
            ]
            if any(fnmatch.fnmatch(name, pattern) for name in names):
                kept_out = not line.startswith("!")
    return kept_out


def interpolated(text: str, **known: str) -> str:
    """As compose reads it: ${NAME:-default} and ${NAME:?why}."""
    return re.sub(r"\$\{(\w+):([-?])([^}]*)\}", lambda m: known.get(m[1], m[3] if m[2] == "-" else ""), text)


def test_the_image_is_built_in_stages_on_images_with_a_version() -> None:
    studio, *bases = every("FROM")
    assert re.match(r"node:\d+-slim AS studio$", studio)
    assert len(bases) >= 2
    assert all(re.match(r"python:3\.\d+-slim( AS \w+)?$", base) for base in bases)
    version = bases[0].split(":")[1].split("-")[0]
    assert f">={version}" == PROJECT["requires-python"]


def test_the_image_does_not_run_as_root_and_keeps_its_user() -> None:
    user = one("USER")
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)
    after = [word for word, _ in last_stage()]
    assert not {"RUN", "COPY"} & set(after[after.index("USER") :])
    made = " ".join(every("RUN", last_stage()))
    assert all(f"--{what}id {id}" in made for what, id in zip(("u", "g"), user.split(":"), strict=True))


def test_nothing_is_added_from_elsewhere_and_what_is_copied_is_in_the_build() -> None:
    assert every("ADD") == []
    for rest in every("COPY"):
        words = [word for word in rest.split() if not word.startswith("--")]
        if "--from=build" in rest.split():
            assert words == ["/opt/imagequarry", "/opt/imagequarry"]
            continue
        if "--from=studio" in rest.split():
            assert words == ["/build/imagequarry/studio/site", "./imagequarry/studio/site"]
            continue
        for source in words[:-1]:
            assert (ROOT / source).exists()
            assert not ignored(source)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (".env", True),
        (".git/config", True),
        ("data/imagequarry.db", True),
        ("service-account.json", True),
        (".venv/bin/python", True),
        ("tests/conftest.py", True),
        ("imagequarry/jobs/__pycache__/board.cpython-311.pyc", True),
        ("imagequarry/studio/site/index.html", True),
        ("studio/node_modules/svelte/package.json", True),
        ("studio/src/main.ts", False),
        ("imagequarry/jobs/board.py", False),
        ("imagequarry/engines/embedded/region_tree/edge_net.onnx", False),
        ("pyproject.toml", False),
    ],
)
def test_data_and_secrets_stay_out_of_the_build(path: str, expected: bool) -> None:
    assert ignored(path) is expected


def test_the_image_holds_no_secret_and_every_variable_is_a_setting() -> None:
    names = [word.partition("=")[0] for rest in (*every("ENV"), *every("ARG")) for word in shlex.split(rest)]
    assert names
    assert [name for name in names if SECRET.search(name)] == []
    of_image = [word.partition("=")[0] for word in shlex.split(one("ENV"))]
    assert [name for name in of_image if name not in SETTINGS and not NOT_OURS.fullmatch(name)] == []


def test_the_versions_are_those_of_the_constraints_and_the_extras_exist() -> None:
    (install,) = [rest for rest in every("RUN") if "pip install" in rest]
    assert "--constraint constraints.txt" in install
    assert "${EXTRAS}" in install
    default = dict(word.split("=", 1) for word in every("ARG"))["EXTRAS"]
    extras = PROJECT["optional-dependencies"]
    assert {*default.split(","), "models"} <= set(extras)
    # Its redis extra brings what Celery's Redis transport imports; tests would not miss it, they bring the same.
    assert any(wish.startswith("celery[redis]") for wish in extras["scale"])


def test_the_image_starts_a_command_that_exists_on_the_port_it_exposes() -> None:
    environment = dict(word.split("=", 1) for word in shlex.split(one("ENV")))
    assert json.loads(one("CMD")) == ["imagequarry", "serve"]
    assert "imagequarry" in PROJECT["scripts"]
    assert environment["PORT"] == one("EXPOSE")
    assert one("VOLUME") == one("WORKDIR") == environment["DATA_DIR"]


def test_the_health_check_passes_on_a_server_and_fails_without_one(serve: Serve) -> None:
    command = json.loads(one("HEALTHCHECK").partition("CMD ")[2])
    assert command[0] == "python"
    server = serve()

    def check(port: str) -> int:
        finished = subprocess.run(
            [sys.executable, *command[1:]], env={"PORT": port}, capture_output=True, timeout=SECONDS, check=False
        )
        return finished.returncode

    assert check(server.url.rpartition(":")[2]) == 0
    assert check(str(free_port())) != 0


def test_the_stack_has_the_four_services_and_every_one_says_how_it_is() -> None:
    assert set(SERVICES) == {"api", "worker", "postgres", "redis"}
    for name, service in SERVICES.items():
        # The server's check is the image's own.
        assert "healthcheck" in service or name == "api"
        assert service["restart"] == "unless-stopped"
        assert re.search(r":[\w.-]+$", service["image"]) or "build" in service
        assert ":latest" not in service["image"]
    assert SERVICES["postgres"]["image"].startswith("pgvector/pgvector:")


@pytest.mark.parametrize("name", OURS)
def test_our_services_wait_for_what_they_need_and_share_the_pictures(name: str) -> None:
    service = SERVICES[name]
    assert service["depends_on"] == {other: {"condition": "service_healthy"} for other in ("postgres", "redis")}
    assert service["volumes"] == [f"data:{service['environment']['DATA_DIR']}"]
    assert service["cap_drop"] == ["ALL"]
    assert set(service["build"]["args"]) <= {word.partition("=")[0] for word in every("ARG")}


@pytest.mark.parametrize("name", OURS)
def test_the_variables_of_the_stack_are_settings_that_the_server_accepts(name: str) -> None:
    environment = SERVICES[name]["environment"]
    assert set(environment) <= SETTINGS
    given = {key.lower(): interpolated(value, POSTGRES_PASSWORD="hidden") for key, value in environment.items()}
    settings = read_settings(_env_file=None, **given)
    assert settings.job_queue == "celery"
    assert settings.database == "postgresql+asyncpg://imagequarry:hidden@postgres:5432/image_quarry"
    assert settings.celery_broker == "redis://redis:6379/1"
    assert "hidden" not in repr(settings)


def test_every_volume_is_declared_and_every_host_is_a_service() -> None:
    mounted = {mount.partition(":")[0] for service in SERVICES.values() for mount in service.get("volumes", [])}
    assert mounted == set(COMPOSE["volumes"])
    hosts = {
        host
        for value in SERVICES["api"]["environment"].values()
        for host in re.findall(r"(?:@|redis://)([a-z]+):\d+", value)
    }
    assert hosts == {"postgres", "redis"}


def test_no_password_stands_in_the_stack_and_it_does_not_start_without_one() -> None:
    given = [pair for service in SERVICES.values() for pair in service.get("environment", {}).items()]
    secrets = [value for name, value in given if SECRET.search(name)]
    in_addresses = [password for _, value in given for password in re.findall(r"://\w+:(.+)@", value)]
    assert len(secrets) == 1
    assert len(in_addresses) == len(OURS)
    assert {*secrets, *in_addresses} == {"${POSTGRES_PASSWORD:?set it in .env}"}


def test_the_port_is_published_on_loopback_unless_told_otherwise() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert list(ports) == ["api"]
    assert [interpolated(port) for port in ports["api"]] == ["127.0.0.1:8000:8000"]


def test_the_worker_is_the_one_that_the_module_describes() -> None:
    command = shlex.split(interpolated(SERVICES["worker"]["command"]))
    assert command[:4] == ["celery", "-A", "imagequarry.worker", "worker"]
    assert {"--without-gossip", "--without-mingle"} <= set(command)
    assert (ROOT / "imagequarry" / "worker.py").exists()
