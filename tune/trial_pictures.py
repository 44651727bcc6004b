"""The pictures of a trial: what it was trained on, and what it restored."""

from pathlib import Path

import numpy as np
from torch import Tensor

from degcraft.degradation import CraftedDistribution
from degcraft.errors import DegcraftError
from degcraft.figures import draw_contact_sheet, draw_crafted, draw_learned
from degcraft.images import bicubic_enlarge
from degcraft.learned import load_learned
from tune.checkpoints import CRAFTED, KERNELS, LEARNED, SAMPLE_SHEET, SAMPLES, WEIGHT_MAP
from tune.held_out import HeldOut, to_image
from tune.spec import SearchSpec


def draw_trial(files: Path, title: str, spec: SearchSpec, held_out: HeldOut) -> None:
    """Draw a trial's weight map, or what it learned, and samples beside the files of its checkpoint.

    Samples are of photos first, which are what people want to see, then of pairs.

    Args:
        files: Folder with the files.
        title: Of the trial.
        spec: The search.
        held_out: Whose LR and HR images stand beside the restored samples.
    """
    if (files / CRAFTED).exists():
        crafted = CraftedDistribution.load(files / CRAFTED)
        truth = None if spec.synthetic is None else spec.synthetic.bounds()
        draw_crafted(crafted, files / WEIGHT_MAP, title=title, truth=truth)
    if (files / LEARNED).exists():
        draw_learned(load_learned(files / LEARNED).model, files / KERNELS)
    pairs, restored = held_out.sampled, [to_image(image) for image in read_samples(files)]
    photos = zip(held_out.photos, restored[len(pairs) :], strict=False)
    rows = [(name, [enlarged(lr, spec.scale), image]) for (name, lr), image in photos]
    rows += [
        (pair.name, [enlarged(pair.lr, spec.scale), image, to_image(pair.hr)])
        for pair, image in zip(pairs, restored, strict=False)
    ]
    draw_contact_sheet(rows, files / SAMPLE_SHEET, ["LR, bicubic", title, "HR"])


def enlarged(lr: np.ndarray, scale: int) -> Tensor:
    """A held-out LR image by bicubic."""
    return bicubic_enlarge(to_image(lr), scale)


def read_samples(files: Path) -> list[np.ndarray]:
    """The restored images, uint8 (3, H, W), in the files of a trial's checkpoint."""
    return read_npz(files / SAMPLES)


def read_npz(file: Path) -> list[np.ndarray]:
    """The arrays of an .npz in the order in which they were given; raises DegcraftError for one that is damaged."""
    try:
        with np.load(file) as kept:
            return [kept[name] for name in kept.files]
    except Exception as error:  # a damaged archive makes its readers raise nearly anything
        raise DegcraftError(f"{file}: is damaged ({error!r})") from error
