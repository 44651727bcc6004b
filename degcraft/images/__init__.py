"""Reading and checking images and folders of them, and cutting crops."""

from degcraft.images.blocks import find_block_grid
from degcraft.images.carried import Carried, carried_by, read_carried
from degcraft.images.copying import check_empty, copy_files, names_apart
from degcraft.images.enlarging import bicubic_enlarge
from degcraft.images.evidence import EVIDENT, cut_evident
from degcraft.images.folder import ImageFolder, Skipped, list_images, scan_folder, split_files
from degcraft.images.formats import BY_SUFFIX, FORMATS, Format, FormatError, encode, is_opaque
from degcraft.images.inputs import list_input
from degcraft.images.names import flat_name, printable, same_name
from degcraft.images.pairs import ImagePair, crop_to_scale, files_by_name, list_pairs, read_pairs, scale_of
from degcraft.images.patches import JPEG_GRID, Patches, cut_patches
from degcraft.images.pixels import hash_hashes, hash_pixels, to_uint8
from degcraft.images.pool import HrPool
from degcraft.images.reading import (
    IMAGE_SUFFIXES,
    MAX_PIXELS,
    ImageError,
    LoadedImage,
    image_size,
    read_image,
    read_rgb8,
)
from degcraft.images.reducing import reduced_files
from degcraft.images.remote import is_uri, local_folder
from degcraft.images.structure import most_structured, structure
from degcraft.images.writing import write_image

__all__ = [
    "BY_SUFFIX",
    "EVIDENT",
    "FORMATS",
    "IMAGE_SUFFIXES",
    "JPEG_GRID",
    "MAX_PIXELS",
    "Carried",
    "Format",
    "FormatError",
    "HrPool",
    "ImageError",
    "ImageFolder",
    "ImagePair",
    "LoadedImage",
    "Patches",
    "Skipped",
    "bicubic_enlarge",
    "carried_by",
    "check_empty",
    "copy_files",
    "crop_to_scale",
    "cut_evident",
    "cut_patches",
    "encode",
    "files_by_name",
    "find_block_grid",
    "flat_name",
    "hash_hashes",
    "hash_pixels",
    "image_size",
    "is_opaque",
    "is_uri",
    "list_images",
    "list_input",
    "list_pairs",
    "local_folder",
    "most_structured",
    "names_apart",
    "printable",
    "read_carried",
    "read_image",
    "read_pairs",
    "read_rgb8",
    "reduced_files",
    "same_name",
    "scale_of",
    "scan_folder",
    "split_files",
    "structure",
    "to_uint8",
    "write_image",
]
