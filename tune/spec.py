"""What a search does, as one strict model: every field checked and described, nothing unknown let through.

`SearchSpec` is what the YAML file says; reading the file, with errors for people, is in `tune.spec_file`.
"""

import math
from typing import Literal

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

from degcraft.degradation import PAPER_SPACE, TEST_SETTINGS, Axis, DegradationSpace
from degcraft.errors import DegcraftError
from degcraft.features import EXTRACTORS
from degcraft.metrics import METRICS
from degcraft.networks import NETWORKS
from tune.searchable import Name, Number, Range, Strict, Whole, choices, numbers

PAPER_ALPHA = 25.0
"""The paper's alpha, and the first trial of every search whose range holds it."""


def check_extractor(name: str, layer: str | None) -> None:
    """Raise ValueError for an extractor or a layer that degcraft does not have."""
    if name not in EXTRACTORS:
        raise ValueError(f"extractor must be one of {sorted(EXTRACTORS)}, but got {name!r}")
    if layer is not None and layer not in EXTRACTORS[name].layers:
        raise ValueError(f"layer of {name} must be one of {list(EXTRACTORS[name].layers)}, but got {layer!r}")


class AxisSpec(Strict):
    """One axis of the degradation space."""

    name: str = Field(description="blur_sigma (HR pixels), noise_level (8-bit units) or jpeg_quality")
    low: float = Field(description="lower end of the range")
    high: float = Field(description="upper end of the range")
    bins: PositiveInt = Field(description="number of equal bins")


class SyntheticSpec(Strict):
    """Treats `references` as clean photographs and degrades them by a hidden setting: how well would it have gone?"""

    setting: int | None = Field(default=None, description="one of the four test settings, 1 to 4")
    box: dict[str, list[float]] | None = Field(
        default=None, description="or a box of your own: axis name to [low, high]"
    )

    @model_validator(mode="after")
    def _check_one(self) -> "SyntheticSpec":
        if (self.setting is None) == (self.box is None):
            raise ValueError("exactly one of setting and box must be given")
        if self.setting is not None and self.setting not in TEST_SETTINGS:
            raise ValueError(f"setting must be one of {sorted(TEST_SETTINGS)}, but got {self.setting}")
        for name, ends in (self.box or {}).items():
            if len(ends) != 2 or not ends[0] <= ends[1]:
                raise ValueError(f"box.{name} must be [low, high] with low <= high, but got {ends}")
        return self

    def bounds(self) -> dict[str, tuple[float, float]]:
        """The hidden box: axis name to (low, high)."""
        if self.setting is not None:
            return dict(TEST_SETTINGS[self.setting])
        return {name: (ends[0], ends[1]) for name, ends in (self.box or {}).items()}


class PatchesSpec(Strict):
    """What the degradation is measured on."""

    count: PositiveInt = Field(default=100, description="reference patches, and HR crops, that are compared")
    size: int = Field(default=72, ge=16, description="side of a reference patch in LR pixels; never resized")
    evident: float = Field(
        default=0.5, gt=0, le=1, description="share of the patches cut that is kept: those with the most structure"
    )


class JudgeSpec(Strict):
    """Who says what the held-out references look like when there is no ground truth: fixed for all trials."""

    extractor: str = Field(default="degnet", description="the judge's features")
    layer: str | None = Field(default=None, description="the judge's layer; the extractor's default if left out")
    alpha: NonNegativeFloat = Field(default=PAPER_ALPHA, description="the judge's alpha")


class HeldOutSpec(Strict):
    """What the trials are scored on; neither fitting nor training ever sees it."""

    pairs: str | None = Field(
        default=None, description="folder with lr/ and hr/ (same names): real ground truth for the score"
    )
    fraction: float = Field(default=0.3, gt=0, lt=1, description="share of the files that is held out")
    count: PositiveInt = Field(default=16, description="held-out images that are scored, at most")
    size: int = Field(default=128, ge=16, description="larger held-out images are cropped to this LR side")
    metric: Literal["psnr", "psnr_y", "ssim", "ssim_y", "lpips"] = Field(
        default="psnr", description="the score; its direction follows from its name"
    )
    border: int | None = Field(
        default=None,
        ge=0,
        description="HR pixels left out around the border when scoring; `scale` if left out",
    )
    judge: JudgeSpec = Field(default=JudgeSpec(), description="only used without ground truth")


class KnobsSpec(Strict):
    """What Optuna searches: a value is fixed, a list is a choice, {low, high, log} is a range."""

    alpha: Number = Field(
        default=Range(low=1.0, high=100.0, log=True), description="how narrow the distribution is (eq. 4)"
    )
    extractor: Name = Field(default="degnet", description="the features that measure the degradation")
    layers: dict[str, Name] = Field(
        default={}, description="per extractor, the layer or layers to try; its default layer if left out"
    )
    learning_rate: Number = Field(default=2e-4, description="Adam's learning rate at the start of the schedule")
    channels: Whole = Field(default=64, description="width of the network")
    blocks: Whole = Field(default=16, description="depth of the network")
    concurrent: PositiveInt | None = Field(
        default=None, description="trials at a time; 1 makes a seeded search repeat exactly"
    )
    early_stopping: bool = Field(default=False, description="let ASHA stop poor trials")
    grace: float = Field(
        default=0.3,
        gt=0,
        le=1,
        description="share of the steps that every trial gets before ASHA may stop it",
    )

    @field_validator("alpha")
    @classmethod
    def _check_alpha(cls, value: float | list[float] | Range) -> float | list[float] | Range:
        if any(not (number >= 0 and math.isfinite(number)) for number in numbers(value)):
            raise ValueError(f"every alpha must be 0 or more and finite, but got {numbers(value)}")
        return value

    @field_validator("learning_rate")
    @classmethod
    def _check_rate(cls, value: float | list[float] | Range) -> float | list[float] | Range:
        if any(not 0 < number < 1 for number in numbers(value)):
            raise ValueError(f"every learning rate must be above 0 and below 1, but got {numbers(value)}")
        return value

    @model_validator(mode="after")
    def _check_extractors(self) -> "KnobsSpec":
        for name in choices(self.extractor):
            check_extractor(name, None)
        for name, layers in self.layers.items():
            if name not in choices(self.extractor):
                raise ValueError(f"layers names {name}, which is not among the extractors searched")
            for layer in choices(layers):
                check_extractor(name, layer)
        return self

    def layers_of(self, extractor: str) -> list[str]:
        """The layers to try of an extractor, never empty."""
        if extractor in self.layers:
            return choices(self.layers[extractor])
        return [EXTRACTORS[extractor].default_layer]


class TrainingSpec(Strict):
    """How much training every trial, the baseline and the upper bound get; the same for all."""

    network: str = Field(default="srresnet", description="srresnet or rrdbnet")
    warm_start: str | None = Field(
        default=None, description="weights to start every trial from, instead of training a shared network"
    )
    warm_start_steps: NonNegativeInt = Field(
        default=20_000,
        description="steps of the shared network on uniform degradations; 0 starts from scratch",
    )
    steps: PositiveInt = Field(default=10_000, description="steps of every trial")
    batch: PositiveInt = Field(default=16, description="patches in a step")
    lr_patch: int = Field(default=32, ge=8, description="side of a training patch in LR pixels")
    schedule: Literal["cosine", "multistep", "constant"] = Field(default="cosine", description="learning rate")
    milestones: list[PositiveInt] = Field(default=[], description="steps at which multistep halves the rate")
    ema: float = Field(default=0.999, ge=0, lt=1, description="decay of the averaged weights; 0 switches it off")
    clip: PositiveFloat | None = Field(default=None, description="largest gradient norm")
    precision: Literal["auto", "float32", "bf16"] = Field(default="auto", description="auto measures and says")
    reports: int = Field(default=5, ge=1, description="scores and checkpoints in the course of a trial")

    @field_validator("network")
    @classmethod
    def _check_network(cls, value: str) -> str:
        if value not in NETWORKS:
            raise ValueError(f"network must be one of {sorted(NETWORKS)}, but got {value!r}")
        return value


class BudgetSpec(Strict):
    """Whichever comes first ends the search, cleanly and with its summary."""

    trials: PositiveInt = Field(default=16, description="crafted trials; the baseline comes on top")
    minutes: PositiveFloat | None = Field(default=None, description="wall-clock, added up over resumes")
    target: float | None = Field(default=None, description="a score that is good enough")
    failures: NonNegativeInt = Field(default=3, description="failed trials that are borne; one more ends it")
    retries: NonNegativeInt = Field(default=2, description="times that a killed trial goes on from its checkpoint")


class ResourcesSpec(Strict):
    """What a trial and a distance worker take of the machine or the cluster."""

    cpus: PositiveFloat = Field(default=1, description="processors of a trial; also its number of threads")
    gpus: NonNegativeFloat = Field(default=0, description="GPUs of a trial, or a fraction of one")
    distance_workers: PositiveInt | None = Field(
        default=None, description="actors that measure distances; as many as fit if left out"
    )
    distance_cpus: PositiveFloat = Field(default=1, description="processors of a distance worker")
    distance_gpus: NonNegativeFloat = Field(default=0, description="GPUs of a distance worker, or a fraction")


class TrackingSpec(Strict):
    """Where MLflow keeps what the search found."""

    uri: str | None = Field(
        default=None, description="an MLflow server; $MLFLOW_TRACKING_URI or SQLite in `output` if left out"
    )
    experiment: str = Field(default="degcraft", min_length=1, description="MLflow experiment")
    register_as: str = Field(
        default="degcraft-sr", min_length=1, description="registered model whose champion the best becomes"
    )


class SearchSpec(Strict):
    """A whole search. Paths are relative to the folder that the file lies in; folders may be URIs that fsspec reads."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="name of the search")
    references: str | None = Field(
        default=None, description="folder of real low-resolution images; the held-out pairs' lr/ if left out"
    )
    hr: str = Field(description="folder of clean high-resolution images")
    output: str = Field(description="folder for everything that the search writes")
    scale: Literal[1, 2, 3, 4] = Field(default=4, description="magnification")
    seed: NonNegativeInt = Field(default=0, description="of everything that is drawn")
    space: Literal["paper"] | list[AxisSpec] = Field(
        default="paper", description="the paper's 75 bins, or a list of axes"
    )
    synthetic: SyntheticSpec | None = Field(default=None, description="degrade clean references by a hidden box")
    patches: PatchesSpec = PatchesSpec()
    held_out: HeldOutSpec = HeldOutSpec()
    search: KnobsSpec = KnobsSpec()
    training: TrainingSpec = TrainingSpec()
    budget: BudgetSpec = BudgetSpec()
    resources: ResourcesSpec = ResourcesSpec()
    tracking: TrackingSpec = TrackingSpec()
    storage: str | None = Field(
        default=None,
        description="where checkpoints go on a cluster: shared folder, s3://, gs://; `output` if left out",
    )
    extractor_weights: dict[str, str] = Field(default={}, description="extractor name to a local file with its weights")
    lpips_weights: str | None = Field(default=None, description="local file with the backbone of LPIPS")
    niqe_model: str | None = Field(default=None, description="a saved NIQE model; fitted on the HR images if left out")

    @model_validator(mode="after")
    def _check_whole(self) -> "SearchSpec":
        if self.references is None and self.held_out.pairs is None:
            raise ValueError("references must be given, or held_out.pairs, whose lr/ then serves")
        if self.synthetic is not None and self.held_out.pairs is not None:
            raise ValueError("synthetic makes its own held-out pairs; leave held_out.pairs out")
        if self.synthetic is not None and self.references is None:
            raise ValueError("synthetic degrades references, which must be given")
        check_extractor(self.held_out.judge.extractor, self.held_out.judge.layer)
        for name in self.extractor_weights:
            check_extractor(name, None)
        self.degradation_space()
        if self.synthetic is not None:
            self.degradation_space().overlap(self.synthetic.bounds())
        return self

    def degradation_space(self) -> DegradationSpace:
        """The space as degcraft's own type."""
        if self.space == "paper":
            return PAPER_SPACE
        try:
            return DegradationSpace(tuple(Axis(a.name, a.low, a.high, a.bins) for a in self.space))
        except DegcraftError as error:
            raise ValueError(f"space: {error}") from None

    @property
    def higher_is_better(self) -> bool:
        return METRICS[self.held_out.metric].higher_is_better

    @property
    def border(self) -> int:
        return self.scale if self.held_out.border is None else self.held_out.border

    def measured(self) -> list[tuple[str, str]]:
        """Every (extractor, layer) whose distances the trials need, in the order of the file."""
        return [(name, layer) for name in choices(self.search.extractor) for layer in self.search.layers_of(name)]

    def architectures(self) -> list[tuple[int, int]]:
        """Every (channels, blocks) that is searched; the first one is the baseline's."""
        return [(c, b) for c in choices(self.search.channels) for b in choices(self.search.blocks)]
