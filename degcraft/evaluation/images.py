"""The images that networks are scored on, by their files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from degcraft.errors import DegcraftError
from degcraft.images import (
    bicubic_enlarge,
    crop_to_scale,
    image_size,
    list_pairs,
    local_folder,
    printable,
    read_image,
    scan_folder,
)
from degcraft.metrics import Alignment, aligned_truth, estimate_alignment
from degcraft.networks.shipped import START, STARTS


@dataclass(frozen=True)
class EvaluatedImage:
    """An image to restore, by its files."""

    name: str
    key: str
    """Its path below its folder without suffix, by which results belong to it."""
    lr: Path
    hr: Path | None
    alignment: Alignment | None = None

    def read(self, scale: int) -> tuple[Tensor, Tensor | None]:
        """LR, and HR cropped to what the scale divides, as it lies on the disk."""
        lr = read_image(self.lr).rgb
        return lr, None if self.hr is None else crop_to_scale(lr, read_image(self.hr).rgb, scale)

    def truth(self, hr: Tensor | None) -> tuple[Tensor | None, int]:
        """What restored images are compared with, and the border to leave out in addition."""
        return (hr, 0) if hr is None or self.alignment is None else aligned_truth(hr, self.alignment)


def paired_images(location: str | Path, say: Callable[[str], None]) -> list[EvaluatedImage]:
    """Those of a folder (or URI) with lr/ and hr/; what is not used there is said."""
    root = Path(local_folder(location)).expanduser()
    pairs, left_out = list_pairs(root)
    for clause in left_out:
        say(clause)
    named = [(_stem(lr, root / "lr"), lr, hr) for lr, hr in pairs]
    return [EvaluatedImage(printable(name), name, lr, hr) for name, lr, hr in named]


def lone_images(location: str | Path, say: Callable[[str], None]) -> list[EvaluatedImage]:
    """Those of a folder (or URI) without ground truth."""
    folder = scan_folder(local_folder(location, side="lr"))
    say(f"lr: {folder.summary()}")
    return [
        EvaluatedImage(printable(path.relative_to(folder.root).as_posix()), _stem(path, folder.root), path, None)
        for path in folder.files
    ]


def _stem(path: Path, root: Path) -> str:
    return path.relative_to(root).with_suffix("").as_posix()


def prepared(images: Sequence[EvaluatedImage], scale: int, align: bool) -> tuple[list[EvaluatedImage], list[str]]:
    """The pairs checked before anything is restored, with their alignment; and a note on those that are cropped.

    Raises:
        DegcraftError: The sides of a pair do not fit the scale.
    """
    cropped = []
    for image in images:
        if image.hr is not None:
            (height, width), (low_height, low_width) = image_size(image.hr), image_size(image.lr)
            if (width // scale, height // scale) != (low_width, low_height):
                own = round(width / low_width)
                fits = own > 0 and (width // own, height // own) == (low_width, low_height)
                like = f" such as {START}x{own}" * (f"x{own}" in STARTS)
                hint = f"; the pair looks like x{own}, for networks of that scale{like}"
                raise DegcraftError(
                    f"{image.hr}: must be {scale} times as large as its lr image for these rows, but the two are "
                    f"{width}x{height} and {low_width}x{low_height}{hint * fits}"
                )
            if width % scale or height % scale:
                cropped.append(image.name)
    notes = []
    if cropped:
        notes.append(
            f"cropped: the hr images of {len(cropped)} pairs are no multiple of {scale}; up to {scale - 1} rows and "
            f"columns at their end do not count ({', '.join(cropped[:3])}{', …' if len(cropped) > 3 else ''})"
        )
    if not align:
        return list(images), notes
    aligned = []
    for image in images:
        lr, hr = image.read(scale)
        assert hr is not None
        aligned.append(replace(image, alignment=estimate_alignment(bicubic_enlarge(lr, scale), hr)))
    return aligned, notes
