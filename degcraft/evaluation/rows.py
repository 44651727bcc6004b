"""What is scored: networks, images that another method made elsewhere, and bicubic enlargement."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from torch import Tensor

from degcraft.errors import DegcraftError
from degcraft.evaluation.images import EvaluatedImage
from degcraft.images import crop_to_scale, files_by_name, image_size, list_images, local_folder, read_image, same_name
from degcraft.networks import LoadedNetwork

Restore = Callable[[EvaluatedImage, Tensor], Tensor]
"""An image by its files, and its LR (3,h,w) → (3, h · scale, w · scale)."""


def one_scale(networks: Mapping[str, LoadedNetwork]) -> int:
    """The scale of all of them.

    Raises:
        DegcraftError: They have several.
    """
    first = next(iter(networks))
    scale = networks[first].scale
    for row, network in networks.items():
        if network.scale != scale:
            raise DegcraftError(
                f"{row}: networks that are compared must have one scale, but this is x{network.scale} and {first} is "
                f"x{scale} (beside that can stand start:x{scale}, and images made elsewhere)"
            )
    return scale


def results_of(row: str, location: str | Path, images: Sequence[EvaluatedImage]) -> dict[str, Path]:
    """The files that another method made of the images, by `EvaluatedImage.key`.

    Raises:
        DegcraftError: No such folder, two files of one name, or none for an image.
    """
    root = Path(local_folder(location)).expanduser()
    found = files_by_name(list_images(root).images, root)
    missing = [image for image in images if same_name(image.key) not in found]
    if missing:
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise DegcraftError(
            f"results {row}: {root} must hold an image of every input's name, whatever its suffix, but has none for "
            f"{missing[0].name}{more}"
        )
    return {image.key: found[same_name(image.key)] for image in images}


def results_row(files: Mapping[str, Path], scale: int) -> Restore:
    """A row that reads what was made elsewhere.

    What it reads may have the rows and columns that the scale does not divide, as the ground truth may.
    """

    def restore(image: EvaluatedImage, lr: Tensor) -> Tensor:
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
    first = images[0]
    large = first.hr or next(iter(results.values()))[first.key]
    scale = image_size(large)[0] // image_size(first.lr)[0]
    if scale < 1:
        raise DegcraftError(f"{large}: must be at least as large as {first.lr}, but is smaller")
    return scale
