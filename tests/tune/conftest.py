"""Searches so small that they take seconds, run as a user runs them: the command line in a process of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.tune.searches import SearchFolder


@pytest.fixture
def make_search(photographs: Path, tmp_path: Path) -> Iterator[Callable[..., SearchFolder]]:
    """Makes a small synthetic search; keyword arguments replace sections of its specification."""
    made: list[SearchFolder] = []

    def make(name: str = "tiny", **sections: Any) -> SearchFolder:
        root = tmp_path / name
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
            "held_out": {"fraction": 0.4, "size": 32, "count": 3},
            "search": {"channels": 8, "blocks": 1},
            "training": {
                "warm_start_steps": 4,
                "steps": 8,
                "batch": 2,
                "lr_patch": 16,
                "reports": 2,
                "precision": "float32",
            },
            "budget": {"trials": 2},
        }
        content |= {key: value for key, value in sections.items() if value is not None}
        for key, value in sections.items():
            if value is None:
                content.pop(key)
        (root / "search.yaml").write_text(yaml.safe_dump(content))
        made.append(SearchFolder(root))
        return made[-1]

    yield make
    for folder in made:
        folder.stop()
