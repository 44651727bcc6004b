"""Degradation sources by name: what low-resolution images can be drawn from, each an entry of one registry."""

from degcraft.sources.base import SourceSpec
from degcraft.sources.registry import (
    SOURCES,
    checked_source,
    find_source,
    make_source,
    parse_source,
)

__all__ = [
    "SOURCES",
    "SourceSpec",
    "checked_source",
    "find_source",
    "make_source",
    "parse_source",
]
