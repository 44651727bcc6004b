"""From two folders to the distribution to train on."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from degcraft.cache import cache_folder
from degcraft.degradation import PAPER_SPACE, Axis, CraftedDistribution, DegradationSpace
from degcraft.device import pick_device
from degcraft.errors import DegcraftError
from degcraft.features import make_extractor
from degcraft.images import STRUCTURED, patches_of
from degcraft.matching.crafting import DRAWS, crafted_by
from degcraft.matching.extracting import crafted_features
from degcraft.matching.independence import scenes
from degcraft.matching.measuring import measure
from degcraft.matching.reliability import assess
from degcraft.matching.weightings import check_space, checked_weighting, default_weighting, make_weighting


def craft(
    references: str | Path,
    hr: str | Path,
    *,
    weighting: str | Mapping[str, Any] | None = None,
    space: DegradationSpace | Sequence[str] = PAPER_SPACE,
    extractor: str = "degnet",
    layer: str | None = None,
    extractor_weights: str | Path | None = None,
    count: int = 100,
    size: int = 72,
    structured: float = STRUCTURED,
    scale: int = 4,
    reduce: int = 1,
    seed: int = 0,
    device: str | torch.device = "auto",
    say: Callable[[str], None] = print,
    progress: Callable[[int, int], None] | None = None,
) -> CraftedDistribution:
    """Which degradations do these images carry? The distribution to train on, and how far to trust it.

    What was measured is kept, so that another weighting of the same images takes seconds.

    >>> import degcraft
    >>> axes = ["blur_sigma:0:4:2", "noise_level:0:40:2"]
    >>> crafted = degcraft.craft("photos", "clean", space=axes, size=32, count=24)
    references: 4 images; 24 patches of 32x32
    hr: 4 images; 24 patches of 128x128
    >>> crafted.weights.shape
    (4,)
    >>> print(crafted.warnings[0])
    only 24 patches could be cut from the references, ...
    >>> crafted.save("carried.json")

    Args:
        references: The low-resolution images: a folder or its URI.
        hr: Clean images of any content: a folder or its URI.
        weighting: A name of `degcraft.matching.WEIGHTINGS`, or a mapping of `name` and knobs; None: confusion matching,
            and blocks of bins in a space that has too many.
        space: Which degradations to look for: a space, or axes as `--axis` takes them, such as
            `degcraft.inspection.suggest_axes` gives.
        extractor: Features, by a name of `degcraft.features.EXTRACTORS`.
        layer: Of the extractor; None for its default.
        extractor_weights: A local file with the extractor's weights.
        count: Patches to compare.
        size: Side of a reference patch in pixels.
        structured: Share of the patches that is kept, by structure; above 0 and at most 1.
        scale: Magnification, 1 to 4.
        reduce: By how much clean images that are soft at their own size are made smaller first, 1 to 8.
        seed: Of the patches and of what the bins draw.
        device: Where to degrade and extract: cpu, cuda, cuda:1 …; auto takes a GPU if there is one.
        say: Told what was read, and what was skipped.
        progress: Called with the number of bins measured and of all.

    Raises:
        DegcraftError: a folder without usable images, an unknown name, or what a weighting or the space refuses.
    """
    # All that can be wrong is found before the images are read: a slip should not cost a minute.
    device = pick_device(device)
    for name, value, most in (("scale", scale, 4), ("reduce", reduce, 8)):
        if value not in range(1, most + 1):
            raise DegcraftError(f"{name} must be a whole number from 1 to {most}, but got {value!r}")
    if not isinstance(space, DegradationSpace):
        space = DegradationSpace(tuple(map(Axis.parse, space)))
    weighting = checked_weighting(default_weighting(space) if weighting is None else weighting)
    check_space(weighting["name"], space)
    features = make_extractor(extractor, layer=layer, weights_file=extractor_weights, seed=seed, device=device)

    if size < features.minimum_side:
        raise DegcraftError(f"size must be at least {features.minimum_side} for {extractor}, but got {size}")
    patches = partial(patches_of, size=size, count=count, seed=seed, structured=structured, say=say)
    low = patches(references, "references")
    clean = patches(hr, "hr", clean_at=scale, reduce=reduce)
    measured = measure(
        space, clean, low, features, scale=scale, seed=seed, device=device, cache=cache_folder("measurements"),
        progress=progress, say=say,
    )  # fmt: skip
    method = make_weighting(measured, weighting)
    by_chance = method.draws(DRAWS, seed, widened=False)
    crafted = crafted_by(method, measured, weighting, draws=method.draws(DRAWS, seed))
    reliability = assess(
        measured, method, draws=by_chance, files=low.names(), scenes=scenes(low.files),
        crafted=crafted_features(crafted, measured, clean, features, device=device),
    )  # fmt: skip
    crafted.provenance.update(structured=structured, reliability=reliability.to_dict(), misfit=method.misfit())
    return crafted
