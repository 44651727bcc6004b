from .blocks import Said, said, shortened, written_blocks
from .product import Product, nearest_product
from .ranges import Range, Sayable
from .reading import read_block
from .registry import TRAINERS
from .spec import TrainerSpec

__all__ = [
    "TRAINERS",
    "Product",
    "Range",
    "Said",
    "Sayable",
    "TrainerSpec",
    "nearest_product",
    "read_block",
    "said",
    "shortened",
    "written_blocks",
]
