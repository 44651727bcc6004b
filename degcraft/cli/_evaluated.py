"""The images that `degcraft evaluate` scores on, and the rows that restore them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from degcraft.errors import DegcraftError

if TYPE_CHECKING:
    from rich.console import Console
    from torch import Tensor

    from degcraft.metrics import Alignment

Restore = Callable[["EvaluatedImage", "Tensor"], "Tensor"]
"""An image by its files, and its LR (3,h,w) → (3, h · scale, w · scale)."""


@dataclass(frozen=True)
class EvaluatedImage:
    """An image to restore, by its files."""

    name: str
    key: str
    """Its path below its folder without suffix, by which results belong to it."""
    lr: Path
    hr: Path | None
    alignment: "Alignment | None" = None

    def read(self, scale: int) -> tuple["Tensor", "Tensor | None"]:
        """LR, and HR cropped to what the scale divides, as it lies on the disk."""
        from degcraft.images import crop_to_scale, read_image

        lr = read_image(self.lr).rgb
        return lr, None if self.hr is None else crop_to_scale(lr, read_image(self.hr).rgb, scale)

    def truth(self, hr: "Tensor | None") -> tuple["Tensor | None", int]:
        """What restored images are compared with, and the border to leave out in addition."""
        from degcraft.metrics import aligned_truth

        return (hr, 0) if hr is None or self.alignment is None else aligned_truth(hr, self.alignment)


def paired_images(location: str, console: "Console") -> list[EvaluatedImage]:
    """Those of a folder (or URI) with lr/ and hr/; what is not used there is said."""
    from degcraft.images import list_pairs, local_folder, printable

    root = Path(local_folder(location)).expanduser()
    pairs, left_out = list_pairs(root)
    for clause in left_out:
        console.print(clause, soft_wrap=True)
    named = [(_stem(lr, root / "lr"), lr, hr) for lr, hr in pairs]
    return [EvaluatedImage(printable(name), name, lr, hr) for name, lr, hr in named]


def lone_images(location: str, console: "Console") -> list[EvaluatedImage]:
    """Those of a folder (or URI) without ground truth."""
    from degcraft.images import local_folder, printable, scan_folder

    with console.status("reading lr"):
        folder = scan_folder(local_folder(location))
    console.print(f"lr: {folder.summary()}", highlight=False, soft_wrap=True, markup=False)
    return [
        EvaluatedImage(printable(path.relative_to(folder.root).as_posix()), _stem(path, folder.root), path, None)
        for path in folder.files
    ]


def _stem(path: Path, root: Path) -> str:
    return path.relative_to(root).with_suffix("").as_posix()


def results_of(row: str, location: str, images: Sequence[EvaluatedImage]) -> dict[str, Path]:
    """The files that another method made of the images, by `EvaluatedImage.key`.

    Raises:
        DegcraftError: Two files of one name, or none for an image.
    """
    from degcraft.images import files_by_name, list_images, local_folder, same_name

    root = Path(local_folder(location)).expanduser()
    found = files_by_name(list_images(root).images, root)
    missing = [image for image in images if same_name(image.key) not in found]
    if missing:
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise DegcraftError(
            f"--results {row}: {root} must hold an image of every input's name, whatever its suffix, but has none for "
            f"{missing[0].name}{more}"
        )
    return {image.key: found[same_name(image.key)] for image in images}


def results_row(files: Mapping[str, Path], scale: int) -> Restore:
    """A row that reads what was made elsewhere.

    What it reads may have the rows and columns that the scale does not divide, as the ground truth may.
    """
    from degcraft.images import crop_to_scale, read_image

    def restore(image: EvaluatedImage, lr: "Tensor") -> "Tensor":
        path = files[image.key]
        whole = read_image(path).rgb
        restored = crop_to_scale(lr, whole, scale)
        if restored is None:
            (height, width), (low_height, low_width) = whole.shape[1:], lr.shape[1:]
            raise DegcraftError(
                f"{path}: must be {scale} times as large as its lr image, but the two are {width}x{height} and "
                f"{low_width}x{low_height}"
            )
        return restored

    return restore


def scale_between(images: Sequence[EvaluatedImage], results: Mapping[str, Mapping[str, Path]]) -> int:
    """By how much larger the ground truth of the first image is than its LR; without one, its first result.

    Raises:
        DegcraftError: It is not larger.
    """
    from degcraft.images import image_size

    first = images[0]
    large = first.hr or next(iter(results.values()))[first.key]
    scale = image_size(large)[0] // image_size(first.lr)[0]
    if scale < 1:
        raise DegcraftError(f"{large}: must be at least as large as {first.lr}, but is smaller")
    return scale


def prepared(
    images: Sequence[EvaluatedImage], scale: int, align: bool, console: "Console"
) -> tuple[list[EvaluatedImage], list[str]]:
    """The pairs checked before anything is restored, with their alignment; and a note on those that are cropped.

    Raises:
        DegcraftError: The sides of a pair do not fit the scale.
    """
    from rich.progress import track

    from degcraft.images import bicubic_enlarge, image_size
    from degcraft.metrics import estimate_alignment

    cropped = []
    for image in images:
        if image.hr is not None:
            (width, height), (low_width, low_height) = image_size(image.hr), image_size(image.lr)
            if (width // scale, height // scale) != (low_width, low_height):
                raise DegcraftError(
                    f"{image.hr}: must be {scale} times as large as its lr image for these rows, but the two are "
                    f"{width}x{height} and {low_width}x{low_height}"
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
    for image in track(images, "aligning", console=console, transient=True, disable=not console.is_terminal):
        lr, hr = image.read(scale)
        assert hr is not None
        aligned.append(replace(image, alignment=estimate_alignment(bicubic_enlarge(lr, scale), hr)))
    return aligned, notes


def scored(
    row: str,
    restore: Restore,
    images: Sequence[EvaluatedImage],
    scale: int,
    metrics: Sequence[str],
    border: int,
    judges: Mapping[str, Any],
    console: "Console",
) -> list[Any]:
    """A row's `ImageScore` of every image."""
    from rich.markup import escape
    from rich.progress import track

    from degcraft.metrics import score_image

    scores = []
    for image in track(images, escape(row), console=console, transient=True, disable=not console.is_terminal):
        lr, hr = image.read(scale)
        truth, extra = image.truth(hr)
        scores.append(score_image(image.name, metrics, restore(image, lr), truth, border=border + extra, **judges))
    return scores
