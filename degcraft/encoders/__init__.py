"""Training of degcraft's own feature networks: clean content, degradations wider than the paper's, and the losses."""

from degcraft.encoders.content import CleanContent
from degcraft.encoders.dead_leaves import dead_leaves
from degcraft.encoders.wide import WideBatch, WideDegradations

__all__ = ["CleanContent", "WideBatch", "WideDegradations", "dead_leaves"]
