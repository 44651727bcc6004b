"""Searches so small that they take seconds, run as a user runs them: the command line in a process of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.tune.searches import MakeSearch, SearchFolder


@pytest.fixture
def make_search(photographs: Path, tmp_path: Path) -> Iterator[MakeSearch]:
    """Makes searches that end with the test."""
    with _made_in(tmp_path, photographs) as make:
        yield make


@pytest.fixture(scope="module")
def make_searches(photographs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeSearch]:
    """Makes searches that all tests of a module look at."""
    with _made_in(tmp_path_factory.mktemp("searches"), photographs) as make:
        yield make


@contextmanager
def _made_in(base: Path, photographs: Path) -> Iterator[MakeSearch]:
    made: list[SearchFolder] = []

    def make(name: str = "tiny", **sections: Any) -> SearchFolder:
        root = base / name
        root.mkdir()
        content: dict[str, Any] = {
            "name": name,
            "references": str(photographs / "others"),
            "hr": str(photographs / "clean"),
            "output": "out",
            "scale": 2,
            "synthetic": {"box": {"blur_sigma": [2.0, 3.0], "noise_level": [0.0, 10.0]}},
            "space": [
                {"name": "blur_sigma", "low": 0.0, "high": 4.0, "bins": 2},
                {"name": "noise_level", "low": 0.0, "high": 40.0, "bins": 2},
            ],
            "patches": {"count": 8, "size": 64},
            "held_out": {"fraction": 0.4, "size": 64, "count": 3},
            "network": {"name": "srresnet", "channels": 8, "blocks": 1},
            "training": {
                "start_steps": 4,
                "steps": 8,
                "batch": 2,
                "lr_patch": 16,
                "reports": 2,
                "precision": "float32",
            },
            "budget": {"trials": 2},
            # So small networks do not beat bicubic, and would only become candidates.
            "tracking": {"register": "always"},
        } | sections
        written = {key: value for key, value in content.items() if value is not None}
        (root / "search.yaml").write_text(yaml.safe_dump(written))
        made.append(SearchFolder(root))
        return made[-1]

    yield make
    for folder in made:
        folder.stop()
