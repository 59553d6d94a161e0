"""What is in deploy/: files that Prometheus, Grafana and compose can read, about metrics that the server has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from imagequarry.settings import Settings
from tests.fixtures.server import Site
from tests.house.source import ROOT

DEPLOY = ROOT / "deploy"
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "image-quarry.json").read_text("utf-8"))
ALERTS: dict[str, Any] = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text("utf-8"))
SCRAPING: dict[str, Any] = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text("utf-8"))
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.metrics.yaml").read_text("utf-8"))
RULES: list[dict[str, Any]] = [rule for group in ALERTS["groups"] for rule in group["rules"]]
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]

FUNCTIONS = {"sum", "max", "min", "rate", "changes", "topk", "histogram_quantile", "label_values"}
# Prometheus's own.
OF_PROMETHEUS = {"up"}
LABELS_OF_PROMETHEUS = {"le", "instance", "job"}


def expressions() -> Iterator[str]:
    """Every PromQL expression of the dashboard and the alerts."""
    for panel in PANELS:
        for target in panel["targets"]:
            yield target["expr"]
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["definition"]
    for rule in RULES:
        yield rule["expr"]


def metrics_in(expression: str) -> set[str]:
    """The names of the metrics, once labels, ranges, functions and words are taken away."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", "", bare)
    bare = re.sub(r"\b(by|without|on|ignoring)\s*\([^)]*\)", "", bare)
    bare = re.sub(r"(label_values\(\w+), \w+\)", r"\1)", bare)
    return {word for word in re.findall(r"\b[a-zA-Z_:]\w*\b", bare) if word not in FUNCTIONS}


def labels_in(expression: str) -> set[str]:
    """The names of the labels that are matched and grouped by."""
    grouped = re.findall(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)", expression)
    matched = re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*"', expression)
    return {label.strip() for group in grouped for label in group.split(",")} | set(matched)


@pytest.mark.parametrize(
    ("expression", "metrics", "labels"),
    [
        ("up == 0", {"up"}, set()),
        ('sum by (a, b) (rate(one_total{c="x_y"}[5m])) / two > 0.5', {"one_total", "two"}, {"a", "b", "c"}),
        ("histogram_quantile(0.9, max by (le) (rate(x_bucket[$__rate_interval])))", {"x_bucket"}, {"le"}),
        ("label_values(info, instance)", {"info"}, set()),
    ],
)
def test_names_are_found_in_an_expression(expression: str, metrics: set[str], labels: set[str]) -> None:
    assert metrics_in(expression) == metrics
    assert labels_in(expression) == labels


def served(site: Site) -> tuple[set[str], set[str]]:
    """The names that can be asked for, and the labels that the page gives them; another test checks the page."""
    names = set()
    for family in site.client.app.state.runtime.metrics.families():  # type: ignore[attr-defined]
        suffixes = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("_total",)}.get(family.type, ("",))
        names |= {family.name + suffix for suffix in suffixes}
    page = (ROOT / "docs" / "metrics.md").read_text("utf-8")
    rows = re.findall(r"^\| `\w+` \| \w+ \|(.*?)\|", page, re.MULTILINE)
    return names, {label for row in rows for label in re.findall(r"`(\w+)`", row)}


def test_every_expression_asks_for_metrics_and_labels_that_there_are(site: Site) -> None:
    names, labels = served(site)
    asked = list(expressions())
    assert len(asked) > 30
    assert {name for one in asked for name in metrics_in(one)} - names == OF_PROMETHEUS
    assert {label for one in asked for label in labels_in(one)} - labels == LABELS_OF_PROMETHEUS


def test_a_panel_has_a_place_of_its_own_and_says_what_it_shows() -> None:
    assert len(PANELS) > 15
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + across, place["y"] + down) for across in range(place["w"]) for down in range(place["h"])}
        assert max(across for across, _ in cells) < 24
        assert not cells & taken
        taken |= cells
    for panel in PANELS:
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["datasource"]["uid"] == "${datasource}"


def test_an_alert_has_a_name_of_its_own_and_says_what_to_look_at() -> None:
    assert len(RULES) >= 8
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule["alert"].startswith("ImageQuarry")
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"]["summary"].endswith(".")
        assert rule["annotations"]["description"].endswith(".")


def test_prometheus_scrapes_the_port_of_the_settings_by_the_names_that_are_asked_for() -> None:
    assert [(DEPLOY / "prometheus" / file).exists() for file in SCRAPING["rule_files"]] == [True]
    jobs = {job["job_name"]: job for job in SCRAPING["scrape_configs"]}
    port = Settings.model_fields["metrics_port"].default
    assert jobs["image-quarry"]["static_configs"] == [{"targets": [f"api:{port}"]}]
    [workers] = jobs["image-quarry-workers"]["dns_sd_configs"]
    assert (workers["names"], workers["port"]) == (["worker"], port)
    named = {job for one in expressions() for job in re.findall(r'job="([^"]+)"', one)}
    assert named == {"image-quarry"}


def test_the_stack_with_metrics_adds_to_the_services_there_are() -> None:
    stack = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]
    assert set(COMPOSE["services"]) == {"api", "worker", "prometheus", "grafana"}
    for name in ("api", "worker"):
        environment = COMPOSE["services"][name]["environment"]
        assert name in stack
        assert {key.lower() for key in environment} - {"prometheus_multiproc_dir"} <= set(Settings.model_fields)
        # What several processes record lies in a folder of the container's own, and goes with it.
        [mount] = COMPOSE["services"][name]["tmpfs"]
        assert mount.partition(":")[0] == environment["PROMETHEUS_MULTIPROC_DIR"]
    for name in ("prometheus", "grafana"):
        service = COMPOSE["services"][name]
        assert re.search(r":v?\d+\.\d+\.\d+$", service["image"])
        assert all(port.startswith("${BIND:-127.0.0.1}:") for port in service["ports"])
        for mount in service["volumes"]:
            source = mount.partition(":")[0]
            assert source in COMPOSE["volumes"] if not source.startswith("./") else (ROOT / source).exists()
