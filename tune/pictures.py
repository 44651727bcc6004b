"""The pictures of a search: what the best restored beside the others, and those of a trial that drew none."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from degcraft.figures import RestoredImage, draw_restorations
from degcraft.images.atomic import written_whole
from tune.checkpoints import SAMPLE_SHEET, SAMPLES
from tune.config import Kind
from tune.data import Pair
from tune.folder import SearchFolder
from tune.held_out import HeldOut, to_image
from tune.notes import WIDEST
from tune.outcome import TrialOutcome
from tune.spec import SearchSpec
from tune.summary import Summary
from tune.trial_pictures import draw_trial, enlarged, read_npz, read_samples

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
        """Draw a trial's pictures, where it was stopped before it did so."""
        if not (files / SAMPLE_SHEET).exists():
            draw_trial(files, title, self._spec, self._held_out)

    def keep_samples(self, outcome: TrialOutcome, files: Path) -> None:
        """Keep what a row restored, if the verdict's picture shows it."""
        if outcome.config.kind in SHOWN:
            with written_whole(self._folder.samples / f"{outcome.key}.npz") as temporary:
                shutil.copyfile(files / SAMPLES, temporary)

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
        columns[f"best: {best.config.weighting_words() or best.config.label()}"] = of_best
        titles, restored = ["LR, bicubic", *columns], list(zip(*columns.values(), strict=True))

        def row_of(name: str, lr: np.ndarray, images: Sequence[np.ndarray], pair: Pair | None) -> RestoredImage:
            truth, border = (None, 0) if pair is None else (to_image(pair.hr), self._spec.border + pair.border)
            return RestoredImage(name, [enlarged(lr, self._spec.scale), *map(to_image, images)], truth, border)

        pairs, photos = self._held_out.sampled, self._held_out.photos
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
