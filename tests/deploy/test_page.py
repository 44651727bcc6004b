"""The page, in a real Chromium over the real interface."""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import requests
from PIL import Image

from deploy.args import ServeArgs
from deploy.model.restorer import Restorer
from tests.deploy.browser import Page, browsing, find_chromium
from tests.deploy.servers import InProcess, listening

CHROMIUM = find_chromium()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")]

DONE = "document.querySelector('#stage').classList.contains('both')"
AT = "Number(document.querySelector('#handle').getAttribute('aria-valuenow'))"
CLOSE = "document.querySelector('#stage').classList.contains('close')"
BAD = "document.querySelector('#message').classList.contains('bad')"
NOTHING_SAID = "document.querySelector('#message').hidden"


@pytest.fixture(scope="module")
def open_tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Page]]:
    assert CHROMIUM is not None
    with browsing(CHROMIUM, tmp_path_factory.mktemp("profile")) as tab:
        yield tab


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A landscape photograph of 400×280 pixels."""
    import skimage.data

    file = tmp_path_factory.mktemp("photo") / "my photo.jpg"
    Image.fromarray(skimage.data.astronaut()[:280, :400]).save(file, quality=60)
    return file


@pytest.fixture
def page(open_tab: Callable[[], Page], server: str) -> Iterator[Page]:
    tab = open_tab()
    tab.look(1100, 850)
    tab.open(server)
    yield tab
    assert not [text for text in tab.complaints if "Failed to load resource" not in text]


@pytest.fixture
def shot(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[Page, str], np.ndarray]:
    """Takes a screenshot and gives its pixels; the files stay in the test's folder."""

    def take(page: Page, name: str) -> np.ndarray:
        data = page.screenshot(tmp_path / f"{name}.png")
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))

    return take


def middle_of(page: Page, selector: str) -> tuple[float, float]:
    left, top, width, height = page.box(selector)
    return left + width / 2, top + height / 2


def test_it_says_which_model_serves(page: Page, restorer: Restorer) -> None:
    page.wait("document.querySelector('#model').textContent !== ''")
    assert "srresnet ×2 on cpu" in page.text()
    assert "0.2 megapixels" in page.text()


def test_a_dropped_image_is_shown_before_and_after(
    page: Page, photo: Path, restorer: Restorer, shot: Callable[[Page, str], np.ndarray]
) -> None:
    shot(page, "empty")
    page.drop("#drop", photo)
    page.wait(DONE)
    page.wait(NOTHING_SAID)
    assert page.value("[before.naturalWidth, after.naturalWidth, after.naturalHeight]") == [400, 800, 560]
    facts = page.value("facts.textContent")
    assert "400×280 to 800×560 pixels" in facts
    assert "0.25 s in the network" in facts
    assert "by tiny.safetensors" in facts
    picture = shot(page, "done")
    left, top, width, height = (round(number) for number in page.box("#stage"))
    assert abs(width / height - 400 / 280) < 0.01
    # The two sides of the divider differ as before and after do: dragged to an end, all of it is one of them.
    page.drag(middle_of(page, "#handle"), (left + width + 20, top + 30))
    only_before = shot(page, "before")
    page.drag((left + width - 8, top + 30), (left - 20, top + 30))
    only_after = shot(page, "after")
    rows = slice(top + 60, top + height - 20)
    for side, whole in (
        (slice(left + 10, left + width // 2 - 40), only_before),
        (slice(left + width // 2 + 40, left + width - 40), only_after),
    ):
        np.testing.assert_array_equal(picture[rows, side], whole[rows, side])
        other = only_after if whole is only_before else only_before
        assert (picture[rows, side] != other[rows, side]).any()


def test_the_divider_follows_mouse_and_keys(page: Page, photo: Path) -> None:
    page.choose("#file", photo)
    page.wait(DONE)
    left, top, width, height = page.box("#stage")
    assert page.value(AT) == 50
    page.drag(middle_of(page, "#handle"), (left + width / 4, top + height / 2))
    assert page.value(AT) == pytest.approx(25, abs=1)
    page.drag((left + width * 0.8, top + 40), (left + width * 0.7, top + 40))  # anywhere on the image
    assert page.value(AT) == pytest.approx(70, abs=1)
    page.drag(middle_of(page, "#handle"), (left - 200, top))
    assert page.value(AT) == 0
    page.value("handle.focus()")
    page.press("ArrowRight")
    page.press("ArrowRight")
    assert page.value(AT) == 4
    page.press("End")
    assert page.value(AT) == 100
    page.press("ArrowLeft")
    assert page.value(AT) == 98
    assert page.value("handle.getAttribute('aria-valuetext')") == "98 % before"


def test_one_to_one_shows_a_pixel_on_a_pixel(
    page: Page, photo: Path, restorer: Restorer, shot: Callable[[Page, str], np.ndarray]
) -> None:
    page.look(500, 700)
    page.choose("#file", photo)
    page.wait(DONE)
    page.click("#zoom")
    assert page.value(CLOSE)
    assert page.value("document.querySelector('#zoom').getAttribute('aria-pressed')") == "true"
    page.value("slide(0)")
    left, top, width, height = (round(number) for number in page.box("#stage"))
    page.drag((left + 200, top + 200), (left + 900, top + 900))  # to the upper left corner
    picture = shot(page, "close")
    pixels = np.asarray(Image.open(photo).convert("RGB"))
    sr = restorer.restore_tiled(pixels, lambda done, total: None)
    x, y = (round(number) for number in page.box("#after")[:2])
    part = picture[y + 60 : y + 260, x + 60 : x + 260].astype(int)
    assert np.abs(part - sr[60:260, 60:260]).max() <= 2
    page.drag((left + 300, top + 300), (left - 900, top - 900))
    right, bottom = (round(page.box("#after")[i] + page.box("#after")[i + 2]) for i in (0, 1))
    assert right == left + width
    assert bottom <= top + height
    page.press("z")
    assert not page.value(CLOSE)


def test_the_download_is_what_the_server_gave(page: Page, photo: Path) -> None:
    page.choose("#file", photo)
    page.wait(DONE)
    assert page.value("download.download") == "my photo_x2.png"
    assert page.value("download.href === after.src")
    page.value("(format.value = 'webp', format.dispatchEvent(new Event('change')))")
    page.wait(f"{DONE} && download.download === 'my photo_x2.webp'")
    assert page.value("download.href === after.src")


def test_on_a_phone_it_is_touched(
    page: Page, server: str, photo: Path, shot: Callable[[Page, str], np.ndarray]
) -> None:
    page.look(360, 740, touch=True, density=2)
    page.open(server)
    page.choose("#file", photo)
    page.wait(DONE)
    assert page.value("document.documentElement.scrollWidth") <= 360
    left, top, width, height = page.box("#stage")
    page.swipe((left + width / 2, top + height / 2), (left + width * 0.25, top + height / 2))
    assert page.value(AT) == pytest.approx(25, abs=3)
    shot(page, "phone")
    small = [name for name in ("zoom", "other", "download") if page.box(f"#{name}")[3] < 44]
    assert not small, "to be touched, a button must be 44 pixels high"


@pytest.mark.parametrize("dark", [False, True])
def test_it_is_readable_by_day_and_night(
    page: Page, photo: Path, dark: bool, shot: Callable[[Page, str], np.ndarray]
) -> None:
    page.look(1100, 850, dark=dark)
    page.choose("#file", photo)
    page.wait(DONE)
    shot(page, "dark" if dark else "light")
    ground = page.value("getComputedStyle(document.body).backgroundColor")
    assert (luminance(ground) < 0.1) == dark
    for selector in ("#facts", "#other", "#download", "h1", "#model"):
        element = f"document.querySelector('{selector}')"
        ink = luminance(page.value(f"getComputedStyle({element}).color"))
        behind = page.value(f"getComputedStyle({element}).backgroundColor")
        paper = luminance(ground if behind == "rgba(0, 0, 0, 0)" else behind)
        assert (max(ink, paper) + 0.05) / (min(ink, paper) + 0.05) >= 4.5, selector


def luminance(colour: str) -> float:
    """WCAG's relative luminance of `rgb(r, g, b)`."""
    parts = [float(part) / 255 for part in colour.strip("rgba()").split(",")[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("photo.png", b"this is no picture", "must be a PNG, JPEG or WebP"),
        ("notes.txt", b"words", "notes.txt is not a PNG, JPEG or WebP"),
        ("large.png", b"\0" * 1_100_000, "large.png has 1.0 MB; this server takes 1 MB"),
    ],
)
def test_it_says_what_went_wrong(
    page: Page, tmp_path: Path, photo: Path, name: str, content: bytes, words: str,
    shot: Callable[[Page, str], np.ndarray],
) -> None:  # fmt: skip
    (tmp_path / name).write_bytes(content)
    page.wait("document.querySelector('#model').textContent !== ''")
    page.drop("#drop", tmp_path / name)
    page.wait(BAD)
    assert words in page.text()
    assert page.value("words.getAttribute('role')") == "alert"
    shot(page, "error")
    page.choose("#file", photo)
    page.wait(DONE)
    assert page.value(NOTHING_SAID)


def sent(server: str) -> int:
    """How many images the server has been sent."""
    told = requests.get(f"{server}/metrics", timeout=60).text.splitlines()
    return sum(int(float(line.split()[-1])) for line in told if line.startswith("degcraft_requests_total"))


def test_a_refusal_of_the_server_is_said(page: Page, tmp_path: Path, server: str) -> None:
    Image.new("RGB", (40, 30)).save(
        tmp_path / "moving.png", save_all=True, append_images=[Image.new("RGB", (40, 30), "red")]
    )
    page.choose("#file", tmp_path / "moving.png")
    page.wait(BAD)
    assert "The image must be a single picture, but is an animation." in page.text()
    assert sent(server) == 1


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ((600, 600), "has 600×600 = 0.4 megapixels; this server takes 0.2 megapixels."),
        ((5000, 20), "has 5000×20 pixels; this server takes sides of 4000 pixels."),
    ],
)
def test_pixels_are_counted_before_they_are_sent(
    open_tab: Callable[[], Page], args: ServeArgs, backend: InProcess, tmp_path: Path, size: tuple[int, int], words: str
) -> None:
    Image.new("RGB", size).save(tmp_path / "wide.png")
    page = open_tab()
    with listening(args.model_copy(update={"max_side": 4000}), backend) as server:
        page.open(server)
        page.wait("document.querySelector('#model').textContent !== ''")
        page.choose("#file", tmp_path / "wide.png")
        page.wait(BAD)
        assert f"wide.png {words}" in page.text()
        assert not page.value("document.querySelector('#drop').hidden")
        assert sent(server) == 0


def test_several_images_are_restored_one_after_the_other(
    page: Page, photo: Path, tmp_path: Path, backend: InProcess, shot: Callable[[Page, str], np.ndarray]
) -> None:
    (tmp_path / "noise.png").write_bytes(b"this is no picture")
    Image.open(photo).crop((0, 0, 120, 90)).save(tmp_path / "small.png")
    Image.open(photo).crop((0, 0, 90, 150)).save(tmp_path / "tall.webp")
    backend.gate.clear()
    page.drop("#drop", photo, tmp_path / "noise.png", tmp_path / "small.png", tmp_path / "tall.webp")
    page.wait("words.textContent.startsWith('1 of 4, my photo.jpg: Restoring…')")
    assert page.value("[...list.children].map((one) => one.lastChild.textContent)") == ["in work"] + ["waits"] * 3
    shot(page, "several in work")
    backend.gate.set()
    page.wait(BAD)
    assert page.value("words.textContent") == "1 of 4 could not be restored; the list says why."
    told = page.value("[...list.children].map((one) => one.innerText.split('\\n').filter(Boolean))")
    assert [one[0] for one in told] == ["my photo.jpg", "noise.png", "small.png", "tall.webp"]
    assert [one[1] for one in told if one[0] != "noise.png"] == ["restored"] * 3
    assert "must be a PNG, JPEG or WebP" in told[1][1]
    # The last one is on the stage, and each other one when it is chosen.
    assert page.value("[after.naturalWidth, download.download]") == [180, "tall_x2.png"]
    page.value("list.scrollIntoView()")
    page.click("#list li:nth-child(3) button")
    page.wait("after.naturalWidth === 240")
    assert page.value("[download.download, before.naturalWidth]") == ["small_x2.png", 120]
    assert page.value("list.children[2].firstChild.getAttribute('aria-pressed')") == "true"
    assert page.value("list.children[1].firstChild.disabled")
    assert not page.value("all.hidden")
    shot(page, "several done")
    page.value("other.scrollIntoView()")
    page.click("#other")
    assert page.value("!document.querySelector('#drop').hidden && list.hidden")


def test_who_cancels_keeps_what_is_done(page: Page, photo: Path, tmp_path: Path, backend: InProcess) -> None:
    Image.open(photo).crop((0, 0, 120, 90)).save(tmp_path / "small.png")

    def hold_large(pixels: np.ndarray) -> None:
        if pixels.shape[1] == 120:
            backend.gate.clear()

    backend.before = hold_large
    page.choose("#file", tmp_path / "small.png", photo)
    page.wait("words.textContent.startsWith('2 of 2, my photo.jpg: Restoring…')")
    page.click("#cancel")
    page.wait(NOTHING_SAID)
    backend.gate.set()
    assert page.value("[...list.children].map((one) => one.lastChild.textContent)") == ["restored", "cancelled"]
    assert page.value("download.download") == "small_x2.png"


def test_it_says_how_much_has_been_sent(page: Page, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (400, 600, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.jpg", quality=95)
    assert (tmp_path / "noise.jpg").stat().st_size > 200_000
    page.call("Network.enable")
    page.call(
        "Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=150_000
    )
    page.choose("#file", tmp_path / "noise.jpg")
    page.wait("/^Sending, [1-9][0-9]? %… \\d/.test(words.textContent)")
    page.wait(DONE)


def test_a_server_that_is_gone_is_said_and_tried_again(
    open_tab: Callable[[], Page], args: ServeArgs, backend: InProcess, photo: Path
) -> None:
    page = open_tab()
    with listening(args, backend) as address:
        page.open(address)
        page.wait("document.querySelector('#model').textContent !== ''")
    page.choose("#file", photo)
    page.wait(BAD)
    assert "The server cannot be reached" in page.text()
    assert page.value("!again.hidden")


def test_waiting_can_be_cancelled(page: Page, backend: InProcess, photo: Path) -> None:
    backend.gate.clear()
    page.choose("#file", photo)
    page.wait("!cancel.hidden && before.naturalWidth === 400")
    page.click("#cancel")
    page.wait("!document.querySelector('#drop').hidden")
    assert page.value(NOTHING_SAID)
    backend.gate.set()


def test_a_token_is_asked_for(
    open_tab: Callable[[], Page], args: ServeArgs, backend: InProcess, photo: Path, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("open sesame")
    page = open_tab()
    with listening(args.model_copy(update={"token_file": str(tmp_path / "token")}), backend) as address:
        page.open(address)
        page.wait("!document.querySelector('#token').hidden")
        assert "asks for a token" in page.text()
        page.value(f"secret.value = {json.dumps('open sesame')}")
        page.click("#token button")
        page.wait("document.querySelector('#model').textContent !== ''")
        page.choose("#file", photo)
        page.wait(DONE)


def test_a_problem_with_a_newer_model_is_told(
    open_tab: Callable[[], Page], args: ServeArgs, backend: InProcess
) -> None:
    backend.now = replace(backend.now, problem="model models:/film/4: cannot be loaded")
    page = open_tab()
    with listening(args, backend) as address:
        page.open(address)
        page.wait("document.querySelector('#model').textContent.includes('newer model could not be loaded')")


def test_the_interface_is_documented_without_another_server(page: Page, server: str) -> None:
    page.open(f"{server}/docs")
    page.wait("document.body.innerText.includes('/v1/upscale')")
    assert page.value("performance.getEntriesByType('resource').every((one) => one.name.startsWith(location.origin))")
