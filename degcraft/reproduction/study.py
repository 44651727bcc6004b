"""Images, a protocol, and a folder in which all that was trained and scored is kept, so that it is done once."""

import json
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import nn

from degcraft.cache import read_kept
from degcraft.degradation import PAPER_SPACE, CraftedDistribution, DegradationSource
from degcraft.errors import DegcraftError
from degcraft.features import FeatureExtractor
from degcraft.images import HrPool, Patches, bicubic_enlarge, cut_structured, read_rgb8
from degcraft.images.atomic import written_whole
from degcraft.learned import JointTrainer, LearnedDegradation, LearnedSource
from degcraft.matching import Measurement, craft, measure
from degcraft.metrics import ImageScore, LpipsMetric, score_image
from degcraft.networks import load_network, upscale
from degcraft.reproduction.networks import Network
from degcraft.reproduction.training import Begin, digest_of, trained
from degcraft.reproduction.truth import Truth
from degcraft.training import Precision, Trainer, TrainingPlan

SCALE = 4
COUNT, SIDE = 100, 72
"""Reference patches and their side, as the paper has them."""
TEST_SIDE = 128
"""Of a test image, in LR pixels: a centre crop."""
REFERENCE_SEED, TEST_SEED = 0, 1


class Study:
    """All of it for one network.

    Args:
        hr: Clean files to train on and to degrade by bins.
        references: Other clean files, degraded into the references by the truth.
        tests: Clean files to score on.
        network: What is trained.
        steps: Of every row.
        batch, lr_patch: Of a step.
        seed: Of weights, crops and degradations.
        device: Where everything works.
        kept: A folder; what is found there is not done again, and what was cut off goes on.
        lpips: Scores LPIPS, too.
        say: Told what begins.

    Raises:
        DegcraftError: A network of another scale, or images that are too small or too few.
    """

    def __init__(
        self,
        hr: Sequence[Path],
        references: Sequence[Path],
        tests: Sequence[Path],
        *,
        network: Network,
        steps: int,
        kept: Path,
        batch: int = 16,
        lr_patch: int = 32,
        seed: int = 0,
        device: str = "cpu",
        lpips: LpipsMetric | None = None,
        say: Callable[[str], None] = print,
    ) -> None:
        if network.scale != SCALE:
            raise DegcraftError(f"{network.text}: the paper's scale is {SCALE}, but this enlarges by {network.scale}")
        self.network, self.seed, self.device, self.kept, self.say = network, seed, device, kept, say
        self.hr, self.reference_files, self.test_files, self._lpips = hr, references, tests, lpips
        started = network.start is not None
        self.plan = TrainingPlan(
            steps=steps, batch=batch, lr_patch=lr_patch, scale=SCALE, seed=seed,
            warmup=steps // 20 if started else 0, ema=min(0.999, 1 - 2 / max(steps, 4)),
        )  # fmt: skip
        self.metrics = ["psnr", "ssim", *(["lpips"] if lpips else [])]
        kept.mkdir(parents=True, exist_ok=True)

    @cached_property
    def pool(self) -> HrPool:
        """What is trained on."""
        return HrPool.from_files(self.hr, min_side=self.plan.hr_patch, seed=self.seed)

    @cached_property
    def tests(self) -> Patches:
        """Centre crops, before they are degraded."""
        crops, side = [], TEST_SIDE * SCALE
        for file in self.test_files:
            image = read_rgb8(file)
            top, left = ((have - side) // 2 for have in image.shape[1:])
            crops.append(torch.from_numpy(image[:, top : top + side, left : left + side].copy()))
        return Patches(torch.stack(crops), tuple(map(str, self.test_files)))

    @cached_property
    def crops(self) -> tuple[Patches, Patches]:
        """Structured crops of the clean images, and of those that become references."""
        hr, clean = (
            cut_structured(files, size=SIDE * SCALE, count=COUNT, seed=self.seed, scale=SCALE)
            for files in (self.hr, self.reference_files)
        )
        return hr, clean

    def spread_pools(self) -> tuple[HrPool, HrPool]:
        """The clean images, and those that become references, to cut crops of the paper's size from anywhere."""
        hr, clean = (HrPool.from_files(files, min_side=SIDE * SCALE) for files in (self.hr, self.reference_files))
        return hr, clean

    def references(self, truth: Truth) -> Patches:
        """The images whose degradation is looked for."""
        return truth.patches(self.crops[1], SCALE, REFERENCE_SEED)

    def measured(self, truth: Truth, extractor: FeatureExtractor) -> Measurement:
        """Distances of the paper's bins to the references."""
        self.say(f"setting {truth}: measuring with {extractor.name}")
        return measure(
            PAPER_SPACE, self.crops[0], self.references(truth), extractor,
            scale=SCALE, seed=self.seed, device=self.device, cache=self.kept / "measurements", say=self.say,
        )  # fmt: skip

    def crafted(self, truth: Truth, extractor: FeatureExtractor, weighting: dict[str, Any]) -> CraftedDistribution:
        """The distribution that a weighting finds for the references."""
        return craft(self.measured(truth, extractor), weighting, intervals=False)

    def trained(self, source: DegradationSource, what: str, *, dropout: float = 0.0) -> Path:
        """The network trained on a source: its file.

        Args:
            source: Of the degradations.
            what: In words, for `say`.
            dropout: Before its last convolution.

        Raises:
            KeyboardInterrupt: A signal stopped it; the same call goes on where it was.
        """
        known = {"degradation": source.describe()}

        def begin(network: nn.Module, plan: TrainingPlan, precision: Precision | None) -> Trainer:
            return Trainer(
                network, source, self.pool, plan,
                device=self.device, precision=precision, start=self.network.identity,
            )  # fmt: skip

        return self._trained(known, what, begin, dropout)

    def trained_jointly(self, truth: Truth, knobs: dict[str, Any], what: str) -> Path:
        """The network trained along with a degradation that is learned of the references (PDM-SR)."""
        references = HrPool(list(self.references(truth).pixels.numpy()))

        def drawn() -> LearnedDegradation:
            return LearnedDegradation(SCALE, seed=self.seed, **knobs)

        known = {"jointly with": LearnedSource(drawn()).describe(), "references": references.content_hash}

        def begin(network: nn.Module, plan: TrainingPlan, precision: Precision | None) -> JointTrainer:
            return JointTrainer(
                network, drawn(), self.pool, references, plan,
                device=self.device, precision=precision, start=self.network.identity,
            )  # fmt: skip

        return self._trained(known, what, begin, 0.0)

    def _trained(self, known: dict[str, Any], what: str, begin: Begin, dropout: float) -> Path:
        return trained(
            self.network, self.plan, begin, known, self.pool.content_hash, self.kept,
            what=what, dropout=dropout, device=self.device, say=self.say,
        )  # fmt: skip

    def scores(self, network: Path | None, lr: Patches, *, start: bool = False) -> list[ImageScore]:
        """What a network makes of degraded test images, image by image.

        Args:
            network: Its file; None: bicubic, or with `start` the network as it begins.
            lr: The test images, degraded.
            start: See `network`.
        """
        who = "bicubic" if network is None else network.stem
        who = self.network.identity if start else who
        file = self.kept / "scores" / f"{digest_of([who, lr.content_hash, self.tests.content_hash, self.metrics])}.json"
        kept = read_kept(_read_scores, file, self.say)
        if kept is not None:
            return kept
        model: nn.Module | None = None
        if start:
            model = self.network.build(self.seed)
        elif network is not None:
            model = load_network(network).model
        if model is not None:
            model.to(self.device).eval()
        found = [
            score_image(Path(name).stem, self.metrics, self._restored(model, one), hr, border=SCALE, lpips=self._lpips)
            for name, one, hr in zip(self.tests.files, lr.images(), self.tests.images(), strict=True)
        ]
        file.parent.mkdir(exist_ok=True)
        with written_whole(file) as temporary:
            scores = [one.to_json() for one in found]
            temporary.write_text(json.dumps({"scores": scores, "checksum": digest_of(scores)}), encoding="utf-8")
        return found

    def _restored(self, model: nn.Module | None, lr: torch.Tensor) -> torch.Tensor:
        if model is None:
            return bicubic_enlarge(lr, SCALE)
        with torch.inference_mode():
            return upscale(model, lr, scale=SCALE, tile=256, device=self.device).cpu()


def _read_scores(file: Path) -> list[ImageScore]:
    """What `Study.scores` kept; raises DegcraftError for a file that is damaged."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content["checksum"] != digest_of(content["scores"]):
            raise ValueError("its checksum does not fit what it holds")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DegcraftError(f"{file}: is damaged ({error!r})") from error
    return [ImageScore.from_json(one) for one in content["scores"]]
