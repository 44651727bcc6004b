"""The pictures of a search: what each trial was trained on and restored, and the best beside the others."""

import shutil
from collections.abc import Sequence
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
        """Draw a trial's weight map, or what it learned, and samples beside the files of its checkpoint: photos first,
        which are what people want to see, then pairs.
        """
        if (files / CRAFTED).exists():
            crafted = CraftedDistribution.load(files / CRAFTED)
            truth = None if self._spec.synthetic is None else self._spec.synthetic.bounds()
            draw_crafted(crafted, files / WEIGHT_MAP, title=title, truth=truth)
        if (files / LEARNED).exists():
            draw_learned(load_learned(files / LEARNED).model, files / KERNELS)
        restored = [to_image(image) for image in read_samples(files)]
        photos = zip(self._held_out.photos, restored[len(self._pairs) :], strict=False)
        rows = [(name, [self._enlarged(lr), image]) for (name, lr), image in photos]
        rows += [
            (pair.name, [self._enlarged(pair.lr), image, to_image(pair.hr)])
            for pair, image in zip(self._pairs, restored, strict=False)
        ]
        draw_contact_sheet(rows, files / SAMPLE_SHEET, ["LR, bicubic", title, "HR"])

    def keep_samples(self, outcome: TrialOutcome, files: Path) -> None:
        """Keep what a row restored, if the verdict's picture shows it."""
        if outcome.config.kind in SHOWN:
            with written_whole(self._folder.samples / f"{outcome.key}.npz") as temporary:
                shutil.copyfile(files / SAMPLES, temporary)

    @property
    def _pairs(self) -> Sequence[Pair]:
        """Those that samples are of, before the photos."""
        return self._held_out.pairs[:SAMPLES_KEPT]

    def _enlarged(self, lr: np.ndarray) -> Tensor:
        return bicubic_enlarge(to_image(lr), self._spec.scale)

    def verdict(self, summary: Summary) -> list[Path]:
        """The restored pictures side by side, where they differ most; none without a best.

        Of pairs that are proxies the preview shows held-out references instead, which also have a picture of their own.
        """
        best = summary.best
        if best is None:
            return []
        columns: dict[str, list[np.ndarray]] = {}
        of_best = read_samples(self._folder.best)
        for kind in SHOWN:
            row = summary.of_kind(kind, best)
            file = self._folder.samples / f"{row.key}.npz" if row is not None else None
            if row is not None and row.key != best.key and file is not None and file.exists():
                kept = read_npz(file)
                # A row that ended before photos were kept has none to show.
                if len(kept) == len(of_best):
                    columns[kind] = kept
        columns[f"best: {best.config.title()}"] = of_best
        titles, restored = ["LR, bicubic", *columns], list(zip(*columns.values(), strict=True))

        def row_of(name: str, lr: np.ndarray, images: Sequence[np.ndarray], pair: Pair | None) -> RestoredImage:
            truth, border = (None, 0) if pair is None else (to_image(pair.hr), self._spec.border + pair.border)
            return RestoredImage(name, [self._enlarged(lr), *map(to_image, images)], truth, border)

        pairs, photos = self._pairs, self._held_out.photos
        scored, looked_at = restored[: len(pairs)], restored[len(pairs) :]
        drawn, small = [self._folder.restored], self._folder.preview
        rows = [row_of(pair.name, pair.lr, images, pair) for pair, images in zip(pairs, scored, strict=True)]
        draw_restorations(rows, drawn[0], titles)
        if looked_at:
            rows = [row_of(name, lr, images, None) for (name, lr), images in zip(photos, looked_at, strict=True)]
            drawn.append(self._folder.photos)
            draw_restorations(rows, drawn[-1], titles)
        with Image.open(drawn[-1]) as shown, written_whole(small) as temporary:
            shown.thumbnail((WIDEST, shown.height))
            shown.save(temporary)
        return [*drawn, small]


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
