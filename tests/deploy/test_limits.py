"""Limits and abuse: whatever a client sends, the answer is an image or one sentence, and nothing breaks."""

import asyncio
import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import requests
from hypothesis import HealthCheck, given, settings
from PIL import Image

from degcraft.errors import DegcraftError
from deploy.args import ServeArgs
from deploy.http.admission import Admission, Room
from deploy.http.errors import Refusal
from deploy.http.routes import make_app
from deploy.model.restorer import Restorer
from tests.deploy.hostile import (
    WHOLE,
    Hostile,
    endless_scans,
    form,
    hostile_requests,
    jpeg_bomb,
    png_bomb,
    webp_bomb,
)
from tests.deploy.servers import InProcess, listening


def refusal(response: requests.Response) -> tuple[int, str]:
    """Status and code of an error, which must be JSON with one sentence."""
    content = response.json()
    assert set(content) == {"code", "message"}
    assert content["message"].endswith((".", "?"))
    assert "\n" not in content["message"]
    assert "Traceback" not in content["message"]
    return response.status_code, content["code"]


def post(server: str, body: bytes, **options: object) -> requests.Response:
    return requests.post(f"{server}/v1/upscale", data=body, timeout=60, **options)  # type: ignore[arg-type]


def until(condition: Callable[[], object]) -> None:
    ends = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.01)


# ------------------------------------------------------------------ size


def test_a_body_that_is_too_large_is_refused(server: str) -> None:
    assert refusal(post(server, bytes(1_000_001))) == (413, "body_too_large")

    def unannounced() -> Iterator[bytes]:
        for _ in range(15):
            yield bytes(100_000)

    response = requests.post(f"{server}/v1/upscale", data=unannounced(), timeout=60)
    assert refusal(response) == (413, "body_too_large")


@pytest.mark.parametrize(
    "body",
    [png_bomb(50_000, 50_000), png_bomb(501, 500), jpeg_bomb(65_000, 65_000), webp_bomb(16_000, 16_000)],
    ids=["png", "just above", "jpeg", "webp"],
)
def test_pixels_are_counted_before_they_are_decoded(server: str, body: bytes, backend: InProcess) -> None:
    def never(pixels: np.ndarray) -> None:
        raise AssertionError("decoded")

    backend.before = never
    response = post(server, body)
    assert refusal(response) == (413, "too_many_pixels")
    assert "250000" in response.json()["message"]


@pytest.mark.parametrize(("width", "height"), [(1, 8_001), (8_001, 1)])
def test_a_side_may_not_be_longer_than_allowed(args: ServeArgs, backend: InProcess, width: int, height: int) -> None:
    with listening(args.model_copy(update={"max_side": 8_000}), backend) as server:
        assert refusal(post(server, png_bomb(width, height))) == (413, "side_too_long")
        stream = io.BytesIO()
        Image.new("L", (min(width, 8_000), min(height, 8_000))).save(stream, "PNG")
        assert post(server, stream.getvalue()).status_code == 200


def test_an_image_of_just_as_many_pixels_as_allowed_is_restored(server: str) -> None:
    stream = io.BytesIO()
    Image.new("L", (500, 500)).save(stream, "PNG")
    assert post(server, stream.getvalue()).status_code == 200


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", (400, "empty_body")),
        (b"words", (415, "unsupported_format")),
        (WHOLE["gif"], (415, "unsupported_format")),
        (WHOLE["tiff"], (415, "unsupported_format")),
        (WHOLE["bmp"], (415, "unsupported_format")),
        (WHOLE["apng"], (422, "animated")),
        (WHOLE["animated webp"], (422, "animated")),
        (WHOLE["png"][:-60], (422, "unreadable_image")),
        (WHOLE["jpeg"][:300], (422, "unreadable_image")),
        (endless_scans(200), (422, "unreadable_image")),
    ],
)
def test_what_is_no_usable_image_is_refused(server: str, body: bytes, expected: tuple[int, str]) -> None:
    assert refusal(post(server, body)) == expected


def test_a_format_that_cannot_hold_the_result_is_refused(server: str) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (8200, 2)).save(stream, "PNG")
    response = requests.post(f"{server}/v1/upscale?format=webp", data=stream.getvalue(), timeout=60)
    assert refusal(response) == (422, "too_large_for_format")
    assert post(server, stream.getvalue()).status_code == 200


@pytest.mark.parametrize(
    ("query", "headers", "expected"),
    [
        ("?format=tiff", {}, (400, "bad_request")),
        ("?quality=0", {}, (400, "bad_request")),
        ("?quality=many", {}, (400, "bad_request")),
        ("?quality=90&quality=10", {}, (400, "bad_request")),
        ("?scale=4", {}, (400, "bad_request")),
        ("", {"Accept": "text/html"}, (406, "not_acceptable")),
        ("", {"Accept": "image/png;q=0"}, (406, "not_acceptable")),
    ],
)
def test_what_cannot_be_given_is_refused(
    server: str, query: str, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    response = requests.post(f"{server}/v1/upscale{query}", data=WHOLE["png"], headers=headers, timeout=60)
    assert refusal(response) == expected


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        (form(WHOLE["png"], filename=None), "multipart/form-data; boundary=b", (400, "no_file")),
        (form(b""), "multipart/form-data; boundary=b", (400, "empty_body")),
        (form(WHOLE["png"])[:-8], "multipart/form-data; boundary=b", (400, "bad_form")),
        (form(WHOLE["png"]), "multipart/form-data; boundary=other", (400, "bad_form")),
        (form(WHOLE["png"]), "multipart/form-data", (400, "bad_form")),
    ],
)
def test_a_form_that_cannot_be_read_is_refused(server: str, body: bytes, kind: str, expected: tuple[int, str]) -> None:
    assert refusal(post(server, body, headers={"Content-Type": kind})) == expected


# ------------------------------------------------------------------ how many, how long


def test_beyond_the_share_of_a_client_the_answer_is_429_and_when_to_come_again(
    server: str, args: ServeArgs, backend: InProcess
) -> None:
    backend.gate.clear()
    answers: list[int] = []
    share = args.queue // 2
    threads = [
        threading.Thread(target=lambda: answers.append(post(server, WHOLE["png"]).status_code)) for _ in range(share)
    ]
    for thread in threads:
        thread.start()
    until(lambda: backend.waiting == share)
    response = post(server, WHOLE["png"])
    assert refusal(response) == (429, "busy")
    assert 1 <= int(response.headers["Retry-After"]) <= 60
    assert requests.get(f"{server}/healthz", timeout=60).ok
    backend.gate.set()
    for thread in threads:
        thread.join(60)
    assert answers == [200] * share
    assert post(server, WHOLE["png"]).status_code == 200


def test_a_place_is_given_back_whatever_happens() -> None:
    admission = Admission(1)
    for ending in (None, ValueError()):
        with suppress(ValueError), admission.admitted("127.0.0.1"):
            assert admission.taken == 1
            with pytest.raises(Refusal, match="no more are taken now"), admission.admitted("10.0.0.1"):
                pass
            if ending:
                raise ending
    assert admission.taken == 0


def test_who_comes_new_finds_a_place_whoever_else_takes_all_that_it_gets() -> None:
    admission = Admission(16)
    counts = []
    with ExitStack() as places:
        for client in ("10.0.0.1", "10.0.0.2", "2001:db8::1", "10.0.0.3"):
            with suppress(Refusal):
                while True:
                    # All addresses of a network of version 6 are one client.
                    address = f"{client}{admission.taken}" if ":" in client else client
                    places.enter_context(admission.admitted(address))
            counts.append(admission.taken)
    assert counts == [8, 12, 14, 15]
    assert admission.taken == 0


def test_large_images_wait_until_there_is_room_for_them() -> None:
    async def told() -> list[str]:
        room, said = Room(10), []

        async def hold(name: str, amount: int, seconds: float) -> None:
            async with room.held(amount):
                said.append(f"+{name}")
                await asyncio.sleep(seconds)
                said.append(f"-{name}")

        async with asyncio.TaskGroup() as group:
            group.create_task(hold("six", 6, 0.05))
            group.create_task(hold("more than all", 99, 0.01))
            group.create_task(hold("four", 4, 0.01))
            impatient = group.create_task(hold("never", 1, 1))
            await asyncio.sleep(0)
            impatient.cancel()
        async with room.held(10):
            said.append("all again")
        return said

    held = asyncio.run(told())
    assert held == ["+six", "-six", "+more than all", "-more than all", "+four", "-four", "all again"]


def test_a_request_that_takes_too_long_is_ended(args: ServeArgs, backend: InProcess) -> None:
    backend.gate.clear()
    with listening(args.model_copy(update={"timeout_s": 0.2}), backend) as server:
        response = post(server, WHOLE["png"])
        assert refusal(response) == (504, "timeout")
        assert "Retry-After" in response.headers
        until(lambda: backend.waiting == 0)


# ------------------------------------------------------------------ bugs, tokens, headers


def test_a_bug_is_one_sentence_too(server: str, backend: InProcess) -> None:
    def broken(pixels: np.ndarray) -> None:
        raise ZeroDivisionError("secret")

    backend.before = broken
    response = post(server, WHOLE["png"])
    assert refusal(response) == (500, "internal_error")
    assert "secret" not in response.text
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.fixture
def guarded(args: ServeArgs, backend: InProcess, tmp_path: Path) -> Iterator[str]:
    (tmp_path / "token").write_text("open sesame\n")
    with listening(args.model_copy(update={"token_file": str(tmp_path / "token")}), backend) as server:
        yield server


def test_a_token_guards_what_is_worth_it(guarded: str, backend: InProcess) -> None:
    for method, path in (
        ("POST", "/v1/upscale"),
        ("GET", "/v1/model"),
        ("GET", "/metrics"),
        ("POST", "/v1/admin/refresh"),
    ):
        for given_header in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic open sesame"}):
            response = requests.request(method, guarded + path, data=WHOLE["png"], headers=given_header, timeout=60)
            assert refusal(response) == (401, "unauthorized")
            assert response.headers["WWW-Authenticate"] == "Bearer"
        right = {"Authorization": "Bearer open sesame"}
        assert requests.request(method, guarded + path, data=WHOLE["png"], headers=right, timeout=60).ok
    assert backend.refreshed == 1
    for path in ("/", "/healthz", "/readyz", "/docs", "/openapi.json"):
        assert requests.get(guarded + path, timeout=60).ok


def test_who_has_no_token_hears_that_it_is_ready_and_no_more(guarded: str, backend: InProcess) -> None:
    backend.now = replace(backend.now, problem="model models:/secret/4: cannot be loaded")
    assert requests.get(f"{guarded}/readyz", timeout=60).json() == {"status": "ready"}
    right, wrong = ({"Authorization": f"Bearer {token}"} for token in ("open sesame", "open says me"))
    assert "secret" in requests.get(f"{guarded}/readyz", headers=right, timeout=60).json()["problem"]
    assert refusal(requests.get(f"{guarded}/readyz", headers=wrong, timeout=60)) == (401, "unauthorized")


def test_without_a_token_nobody_administers(server: str, backend: InProcess) -> None:
    assert refusal(requests.post(f"{server}/v1/admin/refresh", timeout=60)) == (403, "no_token")
    assert backend.refreshed == 0


def test_a_token_comes_from_the_environment_and_must_be_one(
    args: ServeArgs, backend: InProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DEGCRAFT_TOKEN", "from the environment")
    with listening(args, backend) as server:
        assert post(server, WHOLE["png"]).status_code == 401
        assert post(server, WHOLE["png"], headers={"Authorization": "Bearer from the environment"}).ok
    monkeypatch.setenv("DEGCRAFT_TOKEN", "short")
    with pytest.raises(DegcraftError, match="at least 8 characters, but has 5"):
        make_app(args, backend, "one")
    with pytest.raises(DegcraftError, match="cannot be read"):
        make_app(args.model_copy(update={"token_file": str(tmp_path / "none")}), backend, "one")


def test_browsers_are_told_to_be_careful(server: str) -> None:
    page = requests.get(f"{server}/", timeout=60)
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "http" not in policy
    answers = [page, post(server, WHOLE["png"]), post(server, b"x"), requests.get(f"{server}/no", timeout=60)]
    for answer in answers:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert "Access-Control-Allow-Origin" not in answer.headers
    assert all("sandbox" in answer.headers["Content-Security-Policy"] for answer in answers[1:])


def test_what_is_not_there_is_json_too(server: str) -> None:
    assert refusal(requests.get(f"{server}/v1/nothing", timeout=60)) == (404, "not_found")
    assert refusal(requests.delete(f"{server}/v1/upscale", timeout=60)) == (405, "method_not_allowed")


def test_health_metrics_and_the_description_of_the_interface(server: str, restorer: Restorer) -> None:
    assert requests.get(f"{server}/readyz", timeout=60).json() == {"status": "ready", "replicas": 1, "problem": None}
    post(server, WHOLE["png"])
    post(server, b"x")
    told = requests.get(f"{server}/metrics", timeout=60).text.splitlines()
    assert 'degcraft_requests_total{code="ok",replica="one"} 1.0' in told
    assert 'degcraft_requests_total{code="unsupported_format",replica="one"} 1.0' in told
    assert f'degcraft_pixels_total{{replica="one"}} {24 * 32:.1f}' in told
    assert 'degcraft_in_work{replica="one"} 0.0' in told
    assert 'degcraft_seconds_count{replica="one",stage="network"} 1.0' in told
    described = requests.get(f"{server}/openapi.json", timeout=60).json()["paths"]["/v1/upscale"]["post"]
    assert set(described["requestBody"]["content"]) == {"image/png", "image/jpeg", "image/webp", "multipart/form-data"}
    assert "image/webp" in described["responses"]["200"]["content"]
    model = requests.get(f"{server}/v1/model", timeout=60).json()
    assert model["model"]["uri"] == "tiny.safetensors"
    assert model["model"]["scale"] == 2
    assert model["limits"]["max_pixels"] == 250_000


# ------------------------------------------------------------------ anything at all


@pytest.fixture(scope="module")
def lasting_server(restorer: Restorer) -> Iterator[str]:
    args = ServeArgs(max_pixels=250_000, max_body_bytes=1_000_000, queue=8, timeout_s=30)
    with listening(args, InProcess(restorer)) as address:
        yield address


@given(hostile_requests)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_nothing_that_is_sent_breaks_it(lasting_server: str, request_: Hostile) -> None:
    response = requests.post(
        f"{lasting_server}/v1/upscale{request_.query}", data=request_.body, headers=request_.headers, timeout=60
    )
    if response.status_code == 200:
        Image.open(io.BytesIO(response.content)).load()
    else:
        status, _ = refusal(response)
        assert 400 <= status < 500, response.text
