"""The demo's folder: sample photographs in two parts, and a search that a laptop does in minutes."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from degcraft.errors import DegcraftError
from degcraft.images import read_image, write_image
from degcraft.images.atomic import written_whole

CLEAN = (
    ("skimage/data", ("astronaut.png", "coffee.png", "motorcycle_left.png")),
    ("sklearn/datasets/images", ("china.jpg",)),
    ("matplotlib/mpl-data/sample_data", ("grace_hopper.jpg",)),
)
"""Photographs to train on, by the folder of the package that they come with. No close-ups of brick, grass or gravel:
with them a few hundred steps made the start worse."""

REFERENCES = (
    ("skimage/data", ("brick.png", "camera.png", "chelsea.png", "coins.png", "grass.png", "gravel.png", "rocket.jpg")),
    ("sklearn/datasets/images", ("flower.jpg",)),
)
"""Photographs of other things: degraded by the hidden setting, they are the demo user's own images."""


def prepare_demo(folder: Path, *, setting: int, seed: int, trials: int, steps: int) -> None:
    """Write the sample photographs and `search.yaml` into a folder.

    Args:
        folder: To be made; must not hold a demo already.
        setting: The hidden test setting, 1 to 4.
        seed: Of everything that is drawn.
        trials: Crafted trials.
        steps: Training steps of each.

    Raises:
        DegcraftError: The folder holds a demo, or a number is out of range.
    """
    if (folder / "search.yaml").exists():
        raise DegcraftError(
            f"--output: must be a folder without a demo, but {folder} holds one; add --resume to go on with it"
        )
    for name, value in (("--trials", trials), ("--steps", steps)):
        if value < 1:
            raise DegcraftError(f"{name}: must be 1 or more, but got {value}")
    if seed < 0:
        raise DegcraftError(f"--seed: must be 0 or more, but got {seed}")
    for part, packages in (("hr", CLEAN), ("references", REFERENCES)):
        for place, names in packages:
            package, _, inside = place.partition("/")
            # Found without being imported, which takes seconds.
            spec = find_spec(package)
            assert spec is not None, f"{package} comes with degcraft"
            assert spec.origin is not None
            for name in names:
                photograph = Path(spec.origin).parent / inside / name
                write_image(folder / part / f"{photograph.stem}.png", read_image(photograph).rgb)
    specification = demo_specification(setting=setting, seed=seed, trials=trials, steps=steps)
    text = "# The search of `degcraft demo`; `degcraft spec` explains every field.\n" + yaml.safe_dump(
        specification, sort_keys=False
    )
    with written_whole(folder / "search.yaml") as temporary:
        temporary.write_text(text, encoding="utf-8")


def demo_specification(*, setting: int, seed: int, trials: int, steps: int) -> dict[str, Any]:
    """The demo's search: the shipped start and few steps, otherwise what any synthetic search says."""
    return {
        "name": f"demo-{setting}",
        "references": "references",
        "hr": "hr",
        "output": "search",
        "seed": seed,
        "synthetic": {"setting": setting},
        "patches": {"count": 100, "size": 64},
        "held_out": {"fraction": 0.7, "size": 128},
        "search": {"weighting": {"name": ["confusion", "eq4"]}, "learning_rate": 2e-4},
        "training": {
            "steps": steps,
            "batch": 8,
            "ema": 0.99,
            "reports": 2,
            # Measured, it would be chosen by the clock, and a second run could round otherwise than the first.
            "precision": "float32",
        },
        "budget": {"trials": trials},
    }
