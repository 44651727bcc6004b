"""Small real images for every test: crops of the photographs that come with scikit-image."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from degcraft.images import read_image, write_image

# Before any test module imports ray, which reads it then; see tune/__init__.py.
os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] = "0"
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
# A user's own settings must not reach into the tests.
for _name in ("MLFLOW_TRACKING_URI", "RAY_ADDRESS", "DEGCRAFT_WEIGHTS"):
    os.environ.pop(_name, None)

CLEAN = ("astronaut.png", "coffee.png", "ihc.png", "retina.jpg")
OTHERS = ("rocket.jpg", "chelsea.png", "motorcycle_left.png", "hubble_deep_field.jpg")


def pytest_addoption(parser: pytest.Parser) -> None:
    """How thoroughly the served interface is compared with its description, and a search is killed."""
    parser.addoption(
        "--interface-examples", type=int, default=15, help="requests that schemathesis tries for each call"
    )
    parser.addoption("--hostile", type=int, default=60, help="hostile files that go through commands and server")
    parser.addoption("--kills", type=int, default=0, help="processes of searches that are killed at random")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that are allowed the most time first, so that no worker sits through a whole search alone at the end."""

    def allowed(item: pytest.Item) -> tuple[int, bool]:
        limit = item.get_closest_marker("timeout")
        return (limit.args[0] if limit else 0, item.get_closest_marker("slow") is not None)

    longest: dict[Path, tuple[int, bool]] = {}
    for item in items:
        longest[item.path] = max(longest.get(item.path, (0, False)), allowed(item))
    items.sort(key=lambda item: longest[item.path], reverse=True)


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Distances and downloads of tests go into a folder of their own, in child processes too."""
    before = os.environ.get("DEGCRAFT_CACHE")
    os.environ["DEGCRAFT_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    if before is None:
        del os.environ["DEGCRAFT_CACHE"]
    else:
        os.environ["DEGCRAFT_CACHE"] = before


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A temporary directory for a test alone, of a path so short that Ray's sockets find room in it."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        monkeypatch.setenv("TMPDIR", name)
        monkeypatch.setattr(tempfile, "tempdir", None)
        yield Path(name)


@pytest.fixture(scope="session")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `clean/` (8 crops) and `others/` (8 crops of other photographs), 160x160 each."""
    import skimage.data

    base = Path(skimage.data.__file__).parent
    root = tmp_path_factory.mktemp("photographs")
    for part, names in (("clean", CLEAN), ("others", OTHERS)):
        for name in names:
            image = read_image(base / name).rgb
            for place in (0, 1):
                y, x = 40 + 60 * place, 60 + 100 * place
                write_image(root / part / f"{Path(name).stem}-{place}.png", image[:, y : y + 160, x : x + 160])
    return root


@pytest.fixture
def pairs(photographs: Path, tmp_path: Path) -> Callable[[int], Path]:
    """Makes a folder with lr/ and hr/ of a scale, by box averaging."""

    def make(scale: int) -> Path:
        import torch

        folder = tmp_path / f"pairs-x{scale}"
        for file in sorted((photographs / "others").iterdir()):
            hr = read_image(file).rgb
            write_image(folder / "hr" / file.name, hr)
            write_image(folder / "lr" / file.name, torch.nn.functional.avg_pool2d(hr, scale))
        return folder

    return make
