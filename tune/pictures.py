"""The pictures of a search: what each trial was trained on and restored, and the best beside the others."""

import shutil
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from degcraft.degradation import CraftedDistribution
from degcraft.errors import DegcraftError
from degcraft.figures import RestoredImage, draw_contact_sheet, draw_crafted, draw_learned, draw_restorations
from degcraft.images import bicubic_enlarge
from degcraft.images.atomic import written_whole
from degcraft.learned import load_learned
from tune.config import Kind
from tune.data import Pair
from tune.folder import SearchFolder
from tune.held_out import SAMPLES_KEPT, HeldOut, to_image
from tune.notes import WIDEST
from tune.outcome import TrialOutcome
from tune.spec import SearchSpec
from tune.summary import Summary
from tune.trial import CRAFTED, LEARNED, SAMPLES

WEIGHT_MAP, KERNELS, SAMPLE_SHEET = "weights.png", "pdm.png", "samples.png"
"""Names of the pictures drawn of a trial."""

SHOWN: tuple[Kind, ...] = ("start", "uniform")
"""Rows whose restored images stand between bicubic and the best in the picture of the verdict."""


class Pictures:
    """Draws them.

    Args:
        spec: The search.
        held_out: Whose LR and HR images stand beside the restored samples.
        folder: The search's output folder.
    """

    def __init__(self, spec: SearchSpec, held_out: HeldOut, folder: SearchFolder) -> None:
        self._spec, self._held_out, self._folder = spec, held_out, folder

    def draw(self, files: Path, title: str) -> None:
        """Draw a trial's weight map, or what it learned, and samples beside the files of its checkpoint."""
        if (files / CRAFTED).exists():
            crafted = CraftedDistribution.load(files / CRAFTED)
            truth = None if self._spec.synthetic is None else self._spec.synthetic.bounds()
            draw_crafted(crafted, files / WEIGHT_MAP, title=title, truth=truth)
        if (files / LEARNED).exists():
            draw_learned(load_learned(files / LEARNED).model, files / KERNELS)
        rows = [
            (pair.name, [self._enlarged(pair), to_image(restored), to_image(pair.hr)])
            for pair, restored in zip(self._held_out.pairs, read_samples(files), strict=False)
        ]
        draw_contact_sheet(rows, files / SAMPLE_SHEET, ["LR, bicubic", title, "HR"])

    def keep_samples(self, outcome: TrialOutcome, files: Path) -> None:
        """Keep what a row restored, if the verdict's picture shows it."""
        if outcome.config.kind in SHOWN:
            with written_whole(self._folder.samples / f"{outcome.key}.npz") as temporary:
                shutil.copyfile(files / SAMPLES, temporary)

    def _enlarged(self, pair: Pair) -> Tensor:
        return bicubic_enlarge(to_image(pair.lr), self._spec.scale)

    def verdict(self, summary: Summary) -> list[Path]:
        """The restored pictures side by side, where they differ most, large and small; none without a best."""
        best = summary.best
        if best is None:
            return []
        pairs = self._held_out.pairs[:SAMPLES_KEPT]
        columns = {"LR, bicubic": [self._enlarged(pair) for pair in pairs]}
        for kind in SHOWN:
            row = summary.of_kind(kind, best)
            file = self._folder.samples / f"{row.key}.npz" if row is not None else None
            if row is not None and row.key != best.key and file is not None and file.exists():
                columns[kind] = [to_image(image) for image in read_npz(file)]
        columns[f"best: {best.config.title()}"] = [to_image(image) for image in read_samples(self._folder.best)]
        rows = [
            RestoredImage(pair.name, images, to_image(pair.hr), self._spec.border + pair.border)
            for pair, images in zip(pairs, zip(*columns.values(), strict=True), strict=True)
        ]
        picture, small = self._folder.restored, self._folder.preview
        draw_restorations(rows, picture, list(columns))
        with Image.open(picture) as shown, written_whole(small) as temporary:
            shown.thumbnail((WIDEST, shown.height))
            shown.save(temporary)
        return [picture, small]


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
