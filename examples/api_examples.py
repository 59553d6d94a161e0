"""Try the routes of surface B against a running server: ``python examples/api_examples.py [address]``.

Every step prints what it asked and the gist of the answer. The pictures are drawn here, uploaded, described, found
again, compared, and deleted at the end; nothing else on the server is touched.
"""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from PIL import Image, ImageDraw

ADDRESS = "http://localhost:8000"
FOLDER = "uploads/api-examples"


def main(address: str) -> int:
    """Run all examples; the exit code: 0 when every one worked."""
    headers = {"X-API-Key": os.environ["API_KEY"]} if os.environ.get("API_KEY") else {}
    try:
        with httpx.Client(base_url=address, headers=headers, timeout=300) as client:
            show_server(client)
            with uploaded(client) as ids:
                show_images(client, ids)
                show_directories(client)
                show_duplicates(client)
    except httpx.HTTPStatusError as error:
        print(f"\n{error.request.method} {error.request.url} failed:", error.response.text, file=sys.stderr)
        return 1
    except httpx.TransportError as error:
        print(f"\n{address} does not answer ({error}). Is the server running?", file=sys.stderr)
        return 1
    print("\nAll examples worked.")
    return 0


def show_server(client: httpx.Client) -> None:
    """Health, models and settings."""
    health = ask(client, "GET", "/api/v1/health")
    say("status", health["status"], "with", health["stats"]["total_images"], "images")
    ask(client, "GET", "/api/v1/info")
    loaded = ask(client, "POST", "/api/v1/models/preload")
    say(
        "models:",
        {task: name for task, name in loaded["serving"].items() if name},
        "in",
        loaded["timings"]["total"],
        "s",
    )
    say("in memory:", ask(client, "GET", "/api/v1/models/status")["models"])
    system = ask(client, "GET", "/api/v1/status")["system"]
    say("memory in use:", system["memory"]["percent"], "%")
    say(len(ask(client, "GET", "/api/v1/config")["config"]), "settings")
    say("objects known:", list(ask(client, "GET", "/api/v1/metrics")["top_objects"])[:5])
    say("sockets:", ask(client, "GET", "/ws/stats")["active_connections"])


@contextmanager
def uploaded(client: httpx.Client) -> Iterator[list[str]]:
    """The ids of three uploaded pictures, two of them nearly the same, deleted afterwards with their files."""
    ids: list[str] = []
    pictures = {"landscape.jpg": landscape(92), "landscape-again.jpg": landscape(40), "night.png": night()}
    try:
        for name, data in pictures.items():
            form = {"process_immediately": "true", "overwrite": "true", "upload_dir": FOLDER}
            reply = ask(client, "POST", "/api/v1/images/upload", files={"file": (name, data)}, data=form)
            say(reply["message"], "as", reply["file_path"])
            ids.append(reply["image_id"])
        yield ids
    finally:
        for id in ids:
            deleted = ask(client, "DELETE", f"/api/v1/images/{id}", params={"delete_file": "true"})
            say(deleted["message"])


def show_images(client: httpx.Client, ids: list[str]) -> None:
    """Describing, listing, searching and downloading."""
    path = ask(client, "GET", f"/api/v1/images/info/{ids[0]}")["path"]
    done = ask(client, "POST", "/api/v1/images/process", json={"image_path": path, "force_reprocess": True})
    say("caption:", done["image_info"]["caption"])
    say("objects:", ", ".join(done["image_info"]["objects"]))
    say(len(ask(client, "GET", "/api/v1/images/", params={"limit": 20, "offset": 0})), "images listed")
    for found in ask(client, "GET", "/api/v1/images/", params={"query": "blue sky over green plants", "limit": 3}):
        say(f"{found['score']:.2f}", found["filename"], "-", found["caption"])
    alike = ask(client, "GET", "/api/v1/images/", params={"similar_to": ids[0], "limit": 1})
    say("most like it:", [found["filename"] for found in alike])
    file = client.get(f"/api/v1/images/download/{ids[0]}").raise_for_status()
    say("downloaded", len(file.content), "bytes of", file.headers["content-type"])


def show_directories(client: httpx.Client) -> None:
    """A folder, at once and in the background."""
    scanned = ask(client, "GET", "/api/v1/directories/scan", params={"directory_path": FOLDER})
    say(scanned["total_files"], "pictures in", scanned["directory_path"])
    body = {"directory_path": FOLDER, "force_reprocess": False, "recursive": False}
    say(ask(client, "POST", "/api/v1/directories/process", json=body)["message"])
    task = ask(client, "POST", "/api/v1/directories/process-async", json=body)["task_id"]
    until = time.monotonic() + 120
    while time.monotonic() < until:
        status = ask(client, "GET", f"/api/v1/directories/task/{task}")
        if status["status"] in ("completed", "failed"):
            say("task", status["status"], status["error"] or "")
            break
        time.sleep(0.2)
    say(len(ask(client, "GET", "/api/v1/directories/tasks")), "tasks")


def show_duplicates(client: httpx.Client) -> None:
    """Looking for duplicates, comparing two pictures, and what a removal would do."""
    body = {"directory_path": FOLDER, "similarity_threshold": 0.95}
    say(ask(client, "POST", "/api/v1/duplicates/check", json=body)["message"])
    image = {"image_path": f"{FOLDER}/landscape.jpg"}
    say(ask(client, "GET", "/api/v1/duplicates/check-image", params=image)["message"])
    say(ask(client, "GET", "/api/v1/duplicates/check-directory", params={"directory_path": FOLDER})["message"])
    pair = {"image1_path": f"{FOLDER}/landscape.jpg", "image2_path": f"{FOLDER}/landscape-again.jpg"}
    say(ask(client, "POST", "/api/v1/duplicates/compare", json=pair)["message"])
    say(ask(client, "DELETE", "/api/v1/duplicates/remove-duplicates", params={"dry_run": "true"})["message"])


def ask(client: httpx.Client, method: str, path: str, **given: Any) -> Any:
    """The answer's JSON; an error ends the examples."""
    print(f"\n{method} {path}")
    return client.request(method, path, **given).raise_for_status().json()


def say(*words: object) -> None:
    print("   ", *words)


def landscape(quality: int) -> bytes:
    """Sky, a sun and hills, as a JPEG."""
    picture = Image.new("RGB", (640, 420), (110, 170, 235))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((470, 50, 550, 130), fill=(255, 230, 120))
    draw.ellipse((-150, 220, 450, 700), fill=(70, 130, 50))
    draw.ellipse((250, 260, 900, 720), fill=(50, 105, 40))
    return _encoded(picture, "JPEG", quality=quality)


def night() -> bytes:
    """A moon and stars, as a PNG."""
    picture = Image.new("RGB", (480, 480), (8, 10, 28))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((300, 60, 390, 150), fill=(235, 235, 215))
    for i in range(60):
        x, y = (i * 97) % 480, (i * 53) % 300
        draw.point((x, y), fill=(255, 255, 255))
    return _encoded(picture, "PNG")


def _encoded(picture: Image.Image, format: str, **given: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, format, **given)
    return file.getvalue()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("BASE_URL", ADDRESS)))
