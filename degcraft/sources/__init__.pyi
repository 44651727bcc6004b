from .base import SourceSpec
from .registry import (
    SOURCES,
    checked_source,
    find_source,
    make_source,
    parse_source,
    scale_for,
)

__all__ = [
    "SOURCES",
    "SourceSpec",
    "checked_source",
    "find_source",
    "make_source",
    "parse_source",
    "scale_for",
]
