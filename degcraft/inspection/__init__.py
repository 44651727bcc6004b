"""Looking at images one has: how blurred, noisy and compressed they are, one by one and as a pile."""

from degcraft.inspection.clean import CleanSide, inspect_clean
from degcraft.inspection.distribution import AxisEstimate
from degcraft.inspection.estimate import ImageEstimate, Inspection, inspect_files
from degcraft.inspection.inspecting import inspect
from degcraft.inspection.pile import Apart, Pile, summarise
from degcraft.inspection.report import report_of, write_csv, write_json
from degcraft.inspection.suggest import suggest_axes
from degcraft.inspection.words import axis_words, sentence

__all__ = [
    "Apart",
    "AxisEstimate",
    "CleanSide",
    "ImageEstimate",
    "Inspection",
    "Pile",
    "axis_words",
    "inspect",
    "inspect_clean",
    "inspect_files",
    "report_of",
    "sentence",
    "suggest_axes",
    "summarise",
    "write_csv",
    "write_json",
]
