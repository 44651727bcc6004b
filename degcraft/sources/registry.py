"""The degradation sources by name. A new one is a file with what it does, and an entry here with what it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from degcraft.degradation import TEST_SETTINGS, Parameter, known_parameters
from degcraft.errors import DegcraftError
from degcraft.knobs import Knob, checked_knobs, file, interval, is_number, parse_named, parse_value, probability, shares
from degcraft.later import Later
from degcraft.registry import Registry
from degcraft.sources.base import SourceSpec

if TYPE_CHECKING:
    from degcraft.degradation import DegradationSource


def _setting(value: Any) -> int:
    if isinstance(value, bool) or value not in TEST_SETTINGS:
        raise ValueError
    return int(value)


def _side(parameter: Parameter) -> Knob:
    """[low, high], or one value (a number, `none`), which is a side without width; of choices one by its name."""

    def read(value: Any) -> list[float] | None:
        if value is None:
            return None
        ends = value if isinstance(value, list) else [value, value]
        low, high = (end if is_number(end) else parameter.parse(end) for end in ends)
        if parameter.choices and low != high:
            raise ValueError
        return [float(low), float(high)]

    if parameter.choices:
        return Knob(None, "", f"one of {', '.join(parameter.choices)}", read)
    return Knob(None, f"{parameter.label} ({parameter.unit})", "a number, [low, high] or none", read)


REALESRGAN_KERNELS = ("iso", "aniso", "generalized_iso", "generalized_aniso", "plateau_iso", "plateau_aniso")
REALESRGAN_STAGE: dict[str, Knob] = {
    "sinc_prob": probability(0.1, "share of ringing kernels, sinc"),
    "kernel_prob": shares((0.45, 0.25, 0.12, 0.03, 0.12, 0.03), f"of {', '.join(REALESRGAN_KERNELS)} among the others"),
    "blur_sigma": interval(0.2, 3, "pixels"),
    "betag_range": interval(0.5, 4, "shape of generalized Gaussians"),
    "betap_range": interval(1, 2, "shape of plateaus"),
    "resize_prob": shares((0.2, 0.7, 0.1), "of enlarging, reducing, keeping"),
    "resize_range": interval(0.15, 1.5, "times the size before", least=0.02, most=4),
    "gaussian_noise_prob": probability(0.5, "the others have Poisson noise"),
    "noise_range": interval(1, 30, "standard deviation, 8-bit units"),
    "poisson_scale_range": interval(0.05, 3, "times the noise of whole photons"),
    "gray_noise_prob": probability(0.4, "share whose noise is the same in all channels"),
    "jpeg_prob": probability(1, "share that is compressed"),
    "jpeg_range": interval(30, 95, "libjpeg quality", least=1, most=100),
}
_REALESRGAN_SECOND: dict[str, Any] = {
    "blur_sigma": [0.2, 1.5],
    "resize_prob": [0.3, 0.4, 0.3],
    "resize_range": [0.3, 1.2],
    "noise_range": [1.0, 25.0],
    "poisson_scale_range": [0.05, 2.5],
}
"""Where the second stage differs."""


_REALESRGAN_KNOBS: dict[str, Knob] = {
    **REALESRGAN_STAGE,
    **{
        f"{name}2": replace(
            knob, default=_REALESRGAN_SECOND.get(name, knob.default), description=f"{knob.description}; stage 2"
        )
        for name, knob in REALESRGAN_STAGE.items()
    },
    "blur_prob": probability(1, "share that the first stage blurs"),
    "second_blur_prob": probability(0.8, "share that the second stage blurs"),
    "final_sinc_prob": probability(0.8, "share that rings at its end"),
}

UNIFORM = SourceSpec(
    "uniform", "the paper's space, all of its bins alike: its baseline", Later("degcraft.sources.paper:uniform")
)
WIDE = SourceSpec(
    "wide",
    "the paper's space and what real images hold beyond it, mild more often than heavy",
    Later("degcraft.sources.wide:WideSource"),
    knobs={"paper_share": probability(0.6, "share of a batch that is the paper's model")},
)
REALESRGAN = SourceSpec(
    "realesrgan",
    "Real-ESRGAN's two stages of blur, resizing, noise and JPEG, with sinc",
    Later("degcraft.sources.realesrgan:RealEsrgan"),
    knobs=_REALESRGAN_KNOBS,
)
BSRGAN = SourceSpec(
    "bsrgan",
    "BSRGAN's blurs, reductions, noise and JPEG in a random order",
    Later("degcraft.sources.bsrgan:Bsrgan"),
    knobs={
        "noise_range": interval(2, 25, "standard deviation, 8-bit units; whole numbers are drawn"),
        "jpeg_range": interval(30, 95, "libjpeg quality", least=1, most=100),
        "jpeg_prob": probability(0.9, "share with a JPEG before the last one"),
        "halved_prob": probability(0.25, "share that is halved first, at scale 4"),
    },
)
SETTING = SourceSpec(
    "setting",
    "a test setting of the paper's Table 1, such as setting:3",
    Later("degcraft.sources.paper:setting"),
    knobs={"number": Knob(None, "", f"one of {', '.join(map(str, TEST_SETTINGS))}", _setting)},
    bare="number",
)
BOX = SourceSpec(
    "box",
    "uniform in any ranges, or fixed, such as box:blur_sigma=[1,2],noise_level=10",
    Later("degcraft.sources.box:build_box"),
    knobs={name: _side(parameter) for name, parameter in known_parameters().items()},
)
CRAFTED = SourceSpec(
    "crafted",
    "what degcraft found in your images: a crafted.json",
    Later("degcraft.sources.files:read_crafted"),
    knobs={"file": file("as `degcraft weights` writes it", optional=False)},
    bare="file",
    suffix=".json",
    scale_of=Later("degcraft.sources.files:scale_of_crafted"),
)
PDM = SourceSpec(
    "pdm",
    "a degradation that was learned: a pdm.safetensors",
    Later("degcraft.sources.files:read_learned"),
    knobs={"file": file("as `degcraft pdm train` writes it", optional=False)},
    bare="file",
    suffix=".safetensors",
    scale_of=Later("degcraft.sources.files:scale_of_learned"),
)

SOURCES: Registry[SourceSpec] = Registry(
    "the degradation", (UNIFORM, WIDE, REALESRGAN, BSRGAN, SETTING, BOX, CRAFTED, PDM), besides=", or a file"
)

find_source = SOURCES.find


def parse_source(text: str) -> dict[str, Any]:
    """`NAME`, `NAME:KNOB=VALUE,…`, `NAME:VALUE` where one knob is meant, or the path of a file, as a mapping.

    Raises:
        DegcraftError: none of these, or an unknown name; whether the knobs exist is `checked_source`'s to say.
    """
    name, _, rest = (piece.strip() for piece in text.partition(":"))
    if name not in SOURCES:
        for one in SOURCES.values():
            if one.suffix and one.suffix == PurePath(text).suffix:
                return {"name": one.name, one.bare: text}
    spec = find_source(name)
    if rest and spec.bare and "=" not in rest:
        return {"name": name, spec.bare: parse_value(rest)}
    try:
        return {"name": name, **parse_named(text, "realesrgan:noise_range=[1,15]")[1]}
    except DegcraftError as error:
        raise DegcraftError(f"degradation {name}: {error}") from None


def checked_source(source: str | Mapping[str, Any]) -> dict[str, Any]:
    """A text, or a mapping of `name` and knobs, with the knobs that differ from their defaults: plain JSON.

    Raises:
        DegcraftError: an unknown name or knob, or a value that breaks its rule.
    """
    given = parse_source(source) if isinstance(source, str) else dict(source)
    name = given.pop("name", None)
    spec = find_source(name)
    whole = checked_knobs(spec.knobs, given, owner=f"degradation {name}")
    return {"name": name, **{key: value for key, value in whole.items() if value != spec.knobs[key].default}}


def scale_for(source: str | Mapping[str, Any], asked: int | None = None) -> int:
    """The scale to degrade by: the one that is asked for, else the one that the source was found for, else 4.

    Raises:
        DegcraftError: what `checked_source` refuses, a file that cannot be read, or one that was found for another
            scale than the one asked for: its blur is counted in other pixels.
    """
    whole = checked_source(source)
    spec = find_source(whole.pop("name"))
    own = spec.scale_of(**{key: knob.default for key, knob in spec.knobs.items()} | whole)
    if asked is not None and own not in (None, asked):
        raise DegcraftError(f"{whole[spec.bare]}: was found for networks of x{own}, and not of x{asked}")
    return asked or own or 4


def make_source(
    source: str | Mapping[str, Any], *, scale: int | None = None, side: int | None = None
) -> DegradationSource:
    """The source that a text or a mapping names.

    Args:
        source: As `checked_source` takes it.
        scale: Downsampling factor that it is for, if it is known.
        side: Of the clean images, if it is known.

    Raises:
        DegcraftError: what `checked_source` refuses, a file that is not what it should be, or a source that cannot
            degrade such images.
    """
    whole = checked_source(source)
    if scale is not None:
        scale_for(whole, scale)
    name = whole.pop("name")
    spec = find_source(name)
    knobs = {key: knob.default for key, knob in spec.knobs.items()} | whole
    try:
        built = spec.build(**knobs)
    except DegcraftError as error:
        # A file's own errors name it already.
        raise error if spec.suffix and knobs[spec.bare] else DegcraftError(f"degradation {name}: {error}") from None
    if scale is not None and (check := getattr(built, "check", None)) is not None:
        try:
            check(scale, side)
        except DegcraftError as error:
            raise DegcraftError(f"{source if isinstance(source, str) else name}: {error}") from None
    return built
