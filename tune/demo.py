"""The demo's folder: sample photographs in two parts, and a search that a laptop does in minutes."""

from pathlib import Path
from typing import Any

import yaml

from degcraft.errors import DegcraftError
from degcraft.images import read_image, write_image

CLEAN = ("astronaut.png", "brick.png", "coffee.png", "grass.png", "gravel.png", "ihc.png", "retina.jpg")
"""Photographs to train on, as they lie in scikit-image's data folder."""

REFERENCES = (
    "camera.png",
    "chelsea.png",
    "coins.png",
    "hubble_deep_field.jpg",
    "moon.png",
    "motorcycle_left.png",
    "rocket.jpg",
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
    import skimage.data

    photographs = Path(skimage.data.__file__).parent
    for part, names in (("hr", CLEAN), ("references", REFERENCES)):
        for name in names:
            write_image(folder / part / f"{Path(name).stem}.png", read_image(photographs / name).rgb)
    specification = demo_specification(setting=setting, seed=seed, trials=trials, steps=steps)
    text = "# The search of `degcraft demo`; `degcraft spec` explains every field.\n" + yaml.safe_dump(
        specification, sort_keys=False
    )
    (folder / "search.yaml").write_text(text, encoding="utf-8")


def demo_specification(*, setting: int, seed: int, trials: int, steps: int) -> dict[str, Any]:
    """The demo's search: a small network and few steps, otherwise what any synthetic search says."""
    return {
        "name": f"demo-{setting}",
        "references": "references",
        "hr": "hr",
        "output": "search",
        "seed": seed,
        "synthetic": {"setting": setting},
        "patches": {"count": 100, "size": 64},
        "held_out": {"fraction": 0.4, "size": 96},
        "search": {"alpha": {"low": 1.0, "high": 100.0, "log": True}, "channels": 24, "blocks": 4},
        "training": {
            "warm_start_steps": 2 * steps,
            "steps": steps,
            "batch": 6,
            "lr_patch": 24,
            "ema": 0.99,
            "reports": 2,
            # Measured, it would be chosen by the clock, and a second run could round otherwise than the first.
            "precision": "float32",
        },
        "budget": {"trials": trials},
    }
