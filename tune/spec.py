"""What a search does, as one strict model: every field checked and described, nothing unknown let through.

`SearchSpec` is what the YAML file says; its sections are in `tune.sections`, reading the file, with errors for people,
is in `tune.spec_file`.
"""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, field_validator, model_validator

from degcraft.degradation import PAPER_SPACE, DegradationSpace
from degcraft.errors import DegcraftError
from degcraft.features import find_extractor
from degcraft.learned import checked_joint
from degcraft.matching import find_weighting
from degcraft.matching.weightings import check_space, usual_weightings
from degcraft.metrics import METRICS
from degcraft.sources import checked_source, find_source, make_source
from tune.searchable import Strict, choices
from tune.searched import KnobsSpec
from tune.sections import (
    BudgetSpec,
    CleanSpec,
    HeldOutSpec,
    NetworkSection,
    PatchesSpec,
    ResourcesSpec,
    Space,
    SyntheticSpec,
    TrackingSpec,
    TrainingSpec,
    check_extractor,
    has_posterior,
)

if TYPE_CHECKING:
    from degcraft.degradation import DegradationSource


class SearchSpec(Strict):
    """A whole search. Paths are relative to the folder that the file lies in; folders may be URIs that fsspec reads."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="name of the search")
    references: str | None = Field(
        default=None, description="folder of real low-resolution images; the held-out pairs' lr/ if left out"
    )
    hr: str = Field(description="folder of clean high-resolution images")
    output: str = Field(description="folder for everything that the search writes")
    scale: Literal[1, 2, 3, 4] = Field(default=4, description="magnification")
    seed: int = Field(default=0, ge=0, lt=2**63, description="of everything that is drawn")
    space: Space = Field(default="paper", description="the paper's 75 bins, or a list of axes")
    synthetic: SyntheticSpec | None = Field(default=None, description="degrade clean references by a hidden box")
    clean: CleanSpec = CleanSpec()
    patches: PatchesSpec = PatchesSpec()
    held_out: HeldOutSpec = HeldOutSpec()
    network: NetworkSection = NetworkSection()
    search: KnobsSpec = KnobsSpec()
    pdm: dict[str, Any] | None = Field(
        default=None,
        description="a degradation that is learned along with the network, as one more row: its knobs, {} for the "
        "published ones",
    )
    compare: list[str] = Field(
        default=[],
        description="other degradations to train on, each as one more row: realesrgan, bsrgan, wide, box:AXIS=VALUE,…",
    )
    training: TrainingSpec = TrainingSpec()
    budget: BudgetSpec = BudgetSpec()
    resources: ResourcesSpec = ResourcesSpec()
    tracking: TrackingSpec = TrackingSpec()
    storage: str | None = Field(
        default=None,
        description="where checkpoints go on a cluster: shared folder, s3://, gs://; `output` if left out",
    )
    extractor_weights: dict[str, str] = Field(default={}, description="extractor name to a local file with its weights")
    lpips_weights: str | None = Field(
        default=None,
        description="local file with a backbone of LPIPS: AlexNet, VGG16 or SqueezeNet 1.1, in torchvision's layout",
    )
    niqe_model: str | None = Field(default=None, description="a saved NIQE model; fitted on the HR images if left out")

    @field_validator("pdm")
    @classmethod
    def _check_pdm(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        try:
            return None if value is None else checked_joint(value)
        except DegcraftError as error:
            raise ValueError(str(error)) from None

    @field_validator("compare")
    @classmethod
    def _check_compare(cls, value: list[str]) -> list[str]:
        if twice := [text for text in value if value.count(text) > 1]:
            raise ValueError(f"compare must name each degradation once, but got {twice[0]!r} {len(twice)} times")
        for text in value:
            try:
                # A worker of a cluster may not see a file that lies here.
                if find_source(checked_source(text)["name"]).suffix:
                    raise ValueError(f"compare must name degradations that need no file, but got {text!r}")
            except DegcraftError as error:
                raise ValueError(str(error)) from None
        return value

    @model_validator(mode="after")
    def _check_whole(self) -> "SearchSpec":
        if self.references is None and self.held_out.pairs is None:
            raise ValueError("references must be given, or held_out.pairs, whose lr/ then serves")
        if self.synthetic is not None and self.held_out.pairs is not None:
            raise ValueError("synthetic makes its own held-out pairs; leave held_out.pairs out")
        if self.synthetic is not None and self.references is None:
            raise ValueError("synthetic degrades references, which must be given")
        judge = self.held_out.judge
        check_extractor(judge.extractor, judge.layer)
        if judge.proxies == "estimates" and not has_posterior(judge.extractor):
            raise ValueError(
                f"held_out.judge.extractor must have a posterior for estimates, such as degnet, "
                f"but got {judge.extractor}; or write proxies: weights"
            )
        asking = [name for name in self.weightings if find_weighting(name).needs_posterior]
        lacking = [name for name in choices(self.search.extractor) if not has_posterior(name)]
        if asking and lacking:
            raise ValueError(
                f"weighting {asking[0]} needs extractors with a posterior, such as degnet, but {lacking[0]} has none"
            )
        for name in self.extractor_weights:
            check_extractor(name, None)
        judged = [judge.weighting["name"]] if judge.proxies == "weights" else []
        for field, names in (("search", self.weightings), ("held_out.judge", judged)):
            for name in names:
                try:
                    check_space(name, self.degradation_space())
                except DegcraftError as error:
                    raise ValueError(f"{field}.{error}") from None
        if self.synthetic is not None:
            try:
                self.degradation_space().overlap(self.synthetic.bounds())
            except DegcraftError as error:
                raise ValueError(f"synthetic: {error}") from None
        return self

    def comparator(self, text: str) -> "DegradationSource":
        """A degradation that is compared with, for patches as they are trained on.

        Raises:
            DegcraftError: see `make_source`.
        """
        return make_source(text, scale=self.scale, side=self.training.lr_patch * self.scale)

    def degradation_space(self) -> DegradationSpace:
        """The space as degcraft's own type."""
        if self.space == "paper":
            return PAPER_SPACE
        try:
            return DegradationSpace(tuple(axis.axis() for axis in self.space))
        except DegcraftError as error:
            raise ValueError(f"space: {error}") from None

    @property
    def weightings(self) -> list[str]:
        """Those that are searched: the ones named, or else the usual ones."""
        if self.search.weighting.name is not None:
            return choices(self.search.weighting.name)
        believed = [set(find_extractor(name).axes) for name in choices(self.search.extractor)]
        return usual_weightings(self.degradation_space(), set.intersection(*believed))

    @property
    def higher_is_better(self) -> bool:
        return METRICS[self.held_out.metric].higher_is_better

    @property
    def border(self) -> int:
        return self.scale if self.held_out.border is None else self.held_out.border

    def measured(self) -> list[tuple[str, str]]:
        """Every (extractor, layer) whose distances the trials need, in the order of the file."""
        return [(name, layer) for name in choices(self.search.extractor) for layer in self.search.layers_of(name)]
