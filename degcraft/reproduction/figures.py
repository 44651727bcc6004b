"""The paper's Figures 2, 3c, 4 and 5."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from degcraft.comparison import COUNTS, DRAWS, Choice, compare_once, known_references, measure_spread
from degcraft.degradation import PAPER_SPACE, TEST_SETTINGS, Box, BoxSource
from degcraft.errors import DegcraftError
from degcraft.features import FeatureExtractor
from degcraft.figures import draw_scores, draw_spread, draw_weight_maps
from degcraft.matching import craft_weights
from degcraft.metrics import ScoreTable
from degcraft.reproduction.rows import UNIFORM, UPPER, rows_of
from degcraft.reproduction.study import COUNT, SCALE, SIDE, TEST_SEED, Study
from degcraft.reproduction.truth import Truth

ALPHAS = (1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 200.0)
"""Of Figure 5."""
FIGURE5_SETTING = Truth({3: 1.0})
BLURS: Mapping[str, Box] = {
    "P1: sigma 2": {"blur_sigma": (2.0, 2.0)},
    "P2: sigma 0 to 4": {"blur_sigma": (0.0, 4.0)},
    "P3: sigma 1.5 to 2.5": {"blur_sigma": (1.5, 2.5)},
}
"""What Figure 2 trains on; the last is what it tests on."""
TESTED_SIGMAS = (0.0, 0.5, 1.0, 1.5, 1.75, 2.0, 2.25, 2.5, 3.0, 3.5, 4.0)
"""Widths that Figure 2 tests one by one."""


def figure2(study: Study, truths: Sequence[Truth], extractors: Mapping[Choice, FeatureExtractor], file: Path) -> str:
    """Training on one blur, on many, and on those of the test, tested on these and blur by blur."""
    points, lines = [], {}
    for name, box in BLURS.items():
        network = study.trained(BoxSource(box), name)
        asked: dict[float | None, Box] = {sigma: {"blur_sigma": (sigma, sigma)} for sigma in TESTED_SIGMAS}
        asked[None] = BLURS["P3: sigma 1.5 to 2.5"]
        for sigma, tested in asked.items():
            scores = study.scores(network, known_references(study.tests, tested, SCALE, TEST_SEED))
            mean = ScoreTable({name: scores}).means()[name]["psnr"]
            if sigma is None:
                lines[f"{name.partition(':')[0]}, all of 1.5 to 2.5"] = mean
            else:
                points.append({"extractor": name, "knob": "blur sigma of the test", "value": sigma, "score": mean})
    draw_scores(points, file, metric="PSNR, dB", lines=lines, higher_is_better=None)
    return ", ".join(f"{name} {value:.2f} dB" for name, value in lines.items())


def figure3c(study: Study, truths: Sequence[Truth], extractors: Mapping[Choice, FeatureExtractor], file: Path) -> str:
    """How a distance scatters from draw to draw, against the number of images."""
    setting = _settings(truths)[0]
    hr, clean = study.spread_pools()
    found = measure_spread(
        PAPER_SPACE, hr, clean, TEST_SETTINGS[setting], extractors,
        counts=COUNTS, draws=DRAWS, size=SIDE, scale=SCALE, device=study.device,
    )  # fmt: skip
    title = f"distance of setting {setting} to its own bin, {DRAWS} draws"
    draw_spread(COUNTS, {str(choice): values for choice, values in found.items()}, file, title=title)
    most = max(count for count in COUNTS if count <= COUNT)
    at = COUNTS.index(most)
    return f"standard deviation over mean at {most} images: " + ", ".join(
        f"{choice} {values[at].std(ddof=1) / values[at].mean():.2f}" for choice, values in found.items()
    )


def figure4(study: Study, truths: Sequence[Truth], extractors: Mapping[Choice, FeatureExtractor], file: Path) -> str:
    """The weights of every extractor beside the truth, by equation 4 at alpha 25."""
    settings = {number: TEST_SETTINGS[number] for number in _settings(truths)}
    hr, clean = study.crops
    run = compare_once(PAPER_SPACE, hr, clean, settings, extractors, scale=SCALE, seed=study.seed, device=study.device)
    true = {f"setting {number}": PAPER_SPACE.overlap(box) for number, box in settings.items()}
    weights: dict[str, dict[str, np.ndarray]] = {}
    for one in run.measurements:
        weights.setdefault(str(one.choice), {})[f"setting {one.setting}"] = craft_weights(one.distances, 25)
    draw_weight_maps(PAPER_SPACE, true, weights, file, title="weights at alpha 25")
    return "weight on the true bins: " + "; ".join(
        f"{name} " + " ".join(f"{own[setting][vector > 0].sum():.2f}" for setting, vector in true.items())
        for name, own in weights.items()
    )


def figure5(study: Study, truths: Sequence[Truth], extractors: Mapping[Choice, FeatureExtractor], file: Path) -> str:
    """PSNR against alpha under setting 3, between uniform training and the truth, with the published pipelines."""
    name = next(iter(extractors)).name
    own = {choice.name: extractor for choice, extractor in extractors.items()}
    lines: dict[str, float] = {}
    points: list[dict[str, Any]] = []
    for row in rows_of([UNIFORM, UPPER, "realesrgan", "bsrgan"], study, own):
        scores = row.scores(study, FIGURE5_SETTING)
        lines[row.name] = ScoreTable({row.name: scores}).means()[row.name]["psnr"]
    for alpha in ALPHAS:
        (row,) = rows_of([f"{name}/eq4:alpha={alpha:g}"], study, own)
        mean = ScoreTable({row.name: row.scores(study, FIGURE5_SETTING)}).means()[row.name]["psnr"]
        points.append({"extractor": name, "knob": "alpha", "value": alpha, "score": mean})
        study.say(f"alpha {alpha:g}: {mean:.2f} dB")
    draw_scores(points, file, metric="PSNR, dB", lines=lines, higher_is_better=True)
    best = max(points, key=lambda point: point["score"])
    return f"best at alpha {best['value']:g}, {best['score']:.2f} dB; " + ", ".join(
        f"{row} {value:.2f} dB" for row, value in lines.items()
    )


Draw = Callable[[Study, Sequence[Truth], Mapping[Choice, FeatureExtractor], Path], str]
"""Of a study, for settings, with extractors, into a PNG file → what it shows, in a sentence."""

FIGURES: dict[str, Draw] = {"figure2": figure2, "figure3c": figure3c, "figure4": figure4, "figure5": figure5}


def draw_figure(
    name: str, study: Study, truths: Sequence[Truth], extractors: Mapping[Choice, FeatureExtractor], file: Path
) -> str:
    """Draws one of `FIGURES`, and says what it shows."""
    return FIGURES[name](study, truths, extractors, file)


def _settings(truths: Sequence[Truth]) -> list[int]:
    if mixed := [truth for truth in truths if truth.setting is None]:
        raise DegcraftError(f"this figure is of single settings, but got {mixed[0]}")
    return [truth.setting for truth in truths if truth.setting is not None]
