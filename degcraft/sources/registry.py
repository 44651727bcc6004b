"""The degradation sources by name. A new one is its file with a `SourceSpec`, and one line here."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from degcraft.degradation import DegradationSource
from degcraft.errors import DegcraftError
from degcraft.knobs import checked_knobs, parse_named, parse_value
from degcraft.registry import Registry
from degcraft.sources.base import SourceSpec
from degcraft.sources.box import BOX
from degcraft.sources.bsrgan import BSRGAN
from degcraft.sources.files import CRAFTED, PDM
from degcraft.sources.paper import SETTING, UNIFORM
from degcraft.sources.realesrgan import REALESRGAN
from degcraft.sources.wide import WIDE

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
