"""How many independent images a set of patches is worth: patches of one file, and files of one scene, are alike."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.sparse import csgraph, csr_array

from degcraft.errors import DegcraftError
from degcraft.images import read_rgb8
from degcraft.images.folder import in_threads
from degcraft.images.thumbnails import DRAFT, SAME_SCENE, thumbnail


def scenes(files: Sequence[str]) -> NDArray[np.intp]:
    """Numbers the scenes that files show: near-duplicates and the frames of one shot have one number.

    Files are compared by the correlation of their grey thumbnails. Being alike is passed on, so that a slow pan
    is one scene.

    Args:
        files: n image files, in any order, repeated as often as they like.

    Returns:
        (n,) numbers from 0.

    Raises:
        DegcraftError: a file cannot be read.
    """
    names, places = np.unique(np.asarray(files, dtype=object), return_inverse=True)
    thumbnails = np.stack(in_threads(_thumbnail, names))
    alike = csr_array(thumbnails @ thumbnails.T >= SAME_SCENE)
    return csgraph.connected_components(alike, directed=False)[1].astype(np.intp)[places]


def independent_images(features: NDArray[np.floating], groups: NDArray[np.intp]) -> float:
    """The number of independent images that have as uncertain a mean feature as these.

    Kish's effective sample size n / (1 + (k − 1) ρ), with k the size of the group that a random image is in
    and ρ the intraclass correlation: how much of the features' variance lies between groups (L. Kish, Survey
    Sampling, 1965, section 5.4; ρ by analysis of variance, traces in the place of variances).

    Args:
        features: (n, c).
        groups: (n,) what each image has in common with others: its file, its scene.

    Returns:
        From 1 to n; 1 for a single group, which says nothing of the variance between groups.

    Raises:
        DegcraftError: not one group for each image.
    """
    values = np.asarray(features, dtype=np.float64)
    if values.ndim != 2 or len(values) != len(groups) or not len(values):
        raise DegcraftError(
            f"groups must be one for each image of (images, features), but got {len(groups)} for {values.shape}"
        )
    n = len(values)
    _, places, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(sizes) in (1, n):
        return float(len(sizes))
    means = np.zeros((len(sizes), values.shape[1]))
    np.add.at(means, places, values)
    means /= sizes[:, None]
    between = float((sizes[:, None] * (means - values.mean(axis=0)) ** 2).sum()) / (len(sizes) - 1)
    within = float(((values - means[places]) ** 2).sum()) / (n - len(sizes))
    size = (n - (sizes**2).sum() / n) / (len(sizes) - 1)
    total = between + (size - 1) * within
    correlation = min(1.0, max(0.0, (between - within) / total)) if total > 0 else 1.0
    return float(n / (1 + ((sizes**2).sum() / n - 1) * correlation))


def _thumbnail(file: str) -> NDArray[np.float64]:
    try:
        with Image.open(file) as image:
            if image.format == "JPEG":
                image.draft("L", DRAFT)
                return thumbnail(image)
        return thumbnail(Image.fromarray(read_rgb8(Path(file)).transpose(1, 2, 0)))
    except OSError as error:
        raise DegcraftError(f"{file}: cannot be read ({error})") from error
