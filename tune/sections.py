"""The sections of a search's specification."""

from typing import Annotated, Any, Literal

from pydantic import (
    ConfigDict,
    Discriminator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Tag,
    field_validator,
    model_validator,
)

from degcraft.degradation import TEST_SETTINGS, Axis
from degcraft.errors import DegcraftError
from degcraft.features import EXTRACTORS
from degcraft.matching.weightings import DEFAULT, checked_weighting
from degcraft.networks import network_name
from tune.searchable import Name, Strict, choices, form


def check_extractor(name: str, layer: str | None) -> None:
    """Raise ValueError for an extractor or a layer that degcraft does not have."""
    if name not in EXTRACTORS:
        raise ValueError(f"extractor must be one of {sorted(EXTRACTORS)}, but got {name!r}")
    if layer is not None and layer not in EXTRACTORS[name].layers:
        raise ValueError(f"layer of {name} must be one of {list(EXTRACTORS[name].layers)}, but got {layer!r}")


def has_posterior(extractor: str) -> bool:
    """Whether an extractor says what it believes of the axes."""
    return EXTRACTORS[extractor].posterior is not None


class AxisSpec(Strict):
    """One axis of the degradation space."""

    name: str = Field(description="blur_sigma (HR pixels), noise_level (8-bit units), jpeg_quality, …")
    low: float | None = Field(default=None, description="lower end of the range")
    high: float | None = Field(default=None, description="upper end of the range")
    bins: PositiveInt | None = Field(default=None, description="number of bins, equally wide but for cuts")
    none: bool = Field(default=False, description="whether images without it have a bin of their own")
    cuts: list[float] = Field(default=[], description="where the range is cut, bins - 1 values")
    choices: list[str] = Field(default=[], description="instead of a range, of an axis that is a choice")

    def axis(self) -> Axis:
        """The axis as degcraft's own type."""
        given = self.model_dump(exclude_defaults=True)
        return Axis.from_dict(given)

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        """What `--axis` takes is taken here, too."""
        if not isinstance(value, str):
            return value
        try:
            return Axis.parse(value).to_dict()
        except DegcraftError as error:
            raise ValueError(str(error)) from None


Space = Annotated[
    Annotated[Literal["paper"], Tag("fixed")] | Annotated[list[AxisSpec], Tag("choice")], Discriminator(form)
]


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


class CleanSpec(Strict):
    """What is done to the clean images before anything else."""

    reduce: int = Field(
        default=1, ge=1, le=8, description="make them so many times smaller, where they are soft at their own size"
    )


class PatchesSpec(Strict):
    """What the degradation is measured on."""

    count: PositiveInt = Field(default=100, description="reference patches, and HR crops, that are compared")
    size: int = Field(default=72, ge=16, description="side of a reference patch in LR pixels; never resized")
    structured: float = Field(
        default=0.5, gt=0, le=1, description="share of the patches cut that is kept: those with the most structure"
    )


class JudgeSpec(Strict):
    """Who says what the held-out references look like when there is no ground truth: fixed for all trials."""

    proxies: Literal["estimates", "weights"] = Field(
        default="estimates",
        description="what clean crops are degraded by: a held-out reference's estimate each, or draws by weights",
    )
    quantile: float = Field(
        default=0.5, ge=0, le=1, description="of estimates: 0.5 is the median, less leans to milder degradations"
    )
    blur: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="of estimates: the share of the blur that is taken; if left out 0.5 for PSNR, which rewards "
        "caution where detail is lost, and 1 for other metrics",
    )
    extractor: str = Field(default="degnet", description="the judge's features")
    layer: str | None = Field(default=None, description="the judge's layer; the extractor's default if left out")
    weighting: dict[str, Any] = Field(
        default=checked_weighting(DEFAULT),
        description="of weights: the weighting's name, and knobs if not their defaults",
    )

    @field_validator("weighting")
    @classmethod
    def _check_weighting(cls, value: dict[str, Any]) -> dict[str, Any]:
        try:
            return checked_weighting(value)
        except DegcraftError as error:
            raise ValueError(str(error)) from None


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
    align: Literal["auto", "none"] = Field(
        default="auto",
        description="auto: the shift and brightness of real pairs are estimated once, from bicubic, and taken out",
    )
    judge: JudgeSpec = Field(default=JudgeSpec(), description="only used without ground truth")

    @property
    def judged_blur(self) -> float:
        """`judge.blur`, or what ranks as the truth does on camera pairs: tests/benchmarks/benchmark_proxies.py."""
        usual = 0.5 if self.metric.startswith("psnr") else 1.0
        return usual if self.judge.blur is None else self.judge.blur


class NetworkSection(Strict):
    """The network: its name, what it starts from, and its own hyperparameters, each fixed or a list to choose from.

    Where several networks are searched, a field named like one of them holds the hyperparameters of that one alone.
    """

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    name: Name | None = Field(
        default=None,
        description="compact, span, srresnet, rrdbnet …: see `degcraft networks`; the start's if left out",
    )
    start: str = Field(
        default="auto",
        description="auto: the shipped start that fits, else one is trained; a file of weights; start:x4; none",
    )

    @model_validator(mode="after")
    def _check(self) -> "NetworkSection":
        for name in choices(self.name):
            if name is not None:
                try:
                    network_name(name)
                except DegcraftError as error:
                    raise ValueError(str(error)) from None
            own = (self.model_extra or {}).get(name or "", {})
            if not isinstance(own, dict):
                raise ValueError(f"{name} must map hyperparameters of {name} to values, but got {own!r}")
            for key, values in self.hyperparameters_of(name).items():
                if not values or not all(_is_plain(value) for value in values):
                    raise ValueError(f"{key} must be a value, or a list of values to choose from, but got {values}")
                if len({repr(value) for value in values}) < len(values):
                    raise ValueError(f"{key} must name each value once, but got {values}")
        names = [str(name).lower() for name in choices(self.name)]
        if len(set(names)) < len(names):
            raise ValueError(f"name must name each network once, but got {names}")
        return self

    def hyperparameters_of(self, name: str | None) -> dict[str, list[Any]]:
        """The hyperparameters given for a network, each with the values to try: those of all, then its own."""
        extra = self.model_extra or {}
        of_all = {key: value for key, value in extra.items() if key not in choices(self.name)}
        return {key: choices(value) for key, value in (of_all | dict(extra.get(name or "", {}))).items()}


def _is_plain(value: Any) -> bool:
    """Whether a hyperparameter's value is one that JSON knows and that is no section of its own."""
    if isinstance(value, list):
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, bool | int | float | str)


class TrainingSpec(Strict):
    """How much training every trial, the baseline and the upper bound get; the same for all."""

    start_steps: PositiveInt = Field(
        default=20_000,
        description="steps of the network that is trained once on uniform degradations where `network.start: auto` "
        "finds no shipped start",
    )
    steps: PositiveInt = Field(default=10_000, description="steps of every trial")
    batch: PositiveInt = Field(default=16, description="patches in a step")
    lr_patch: int = Field(default=32, ge=8, description="side of a training patch in LR pixels")
    schedule: Literal["cosine", "multistep", "constant"] = Field(default="cosine", description="learning rate")
    milestones: list[PositiveInt] = Field(default=[], description="steps at which multistep halves the rate")
    ema: float = Field(default=0.999, ge=0, lt=1, description="decay of the averaged weights; 0 switches it off")
    clip: PositiveFloat | None = Field(default=None, description="largest gradient norm")
    warmup: float = Field(
        default=0.05, ge=0, lt=1, description="share of the steps over which the learning rate rises from 0"
    )
    losses: dict[str, Any] = Field(
        default={"l1": 1.0}, description="what a step minimises, with weights: l1, charbonnier, lpips, gan"
    )
    precision: Literal["auto", "float32", "bf16"] = Field(
        default="auto", description="auto measures once for all trials, and says what it took"
    )
    reports: int = Field(default=5, ge=1, description="scores and checkpoints in the course of a trial")


class BudgetSpec(Strict):
    """Whichever comes first ends the search, cleanly and with its summary."""

    trials: PositiveInt = Field(default=16, description="crafted trials; what they are compared with comes on top")
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

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, serialize_by_alias=True, validate_by_name=True, validate_by_alias=True
    )

    uri: str | None = Field(
        default=None, description="an MLflow server; $MLFLOW_TRACKING_URI or SQLite in `output` if left out"
    )
    experiment: str = Field(default="degcraft", min_length=1, description="MLflow experiment")
    register_as: str = Field(
        default="degcraft-sr", min_length=1, description="registered model that the best becomes a version of"
    )
    register_when: Literal["if_better", "always", "never"] = Field(
        default="if_better",
        alias="register",
        description="if_better: the best becomes champion if it beats the present one beyond the interval on the same "
        "held-out images, else candidate; always: champion; never: not registered",
    )
