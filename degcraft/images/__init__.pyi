from .blocks import find_block_grid
from .carried import Carried, carried_by, read_carried
from .copying import check_empty, copy_files, filled_or_gone, names_apart
from .cutting import STRUCTURED, cut_structured, patches_of
from .enlarging import bicubic_enlarge
from .folder import ImageFolder, Skipped, scan_folder, split_files
from .formats import BY_SUFFIX, FORMATS, Format, FormatError, encode, is_opaque
from .frames import video_frames
from .inputs import Input, images_of, list_files
from .listing import IMAGE_SUFFIXES, check_folder, list_images
from .names import flat_name, printable, same_name
from .pairs import crop_to_scale, files_by_name, list_pairs
from .patches import JPEG_GRID, Patches, cut_patches
from .pixels import hash_hashes, hash_pixels, to_pixels, to_uint8
from .pool import HrPool
from .reading import (
    MAX_PIXELS,
    ImageError,
    LoadedImage,
    image_size,
    read_image,
    read_rgb8,
)
from .reducing import reduced_files
from .remote import Side, is_uri, local_folder, sides_of
from .structured import most_structured, structure
from .video import VIDEO_SUFFIXES, is_video, open_video
from .writing import write_image

__all__ = [
    "BY_SUFFIX",
    "FORMATS",
    "IMAGE_SUFFIXES",
    "JPEG_GRID",
    "MAX_PIXELS",
    "STRUCTURED",
    "VIDEO_SUFFIXES",
    "Carried",
    "Format",
    "FormatError",
    "HrPool",
    "ImageError",
    "ImageFolder",
    "Input",
    "LoadedImage",
    "Patches",
    "Side",
    "Skipped",
    "bicubic_enlarge",
    "carried_by",
    "check_empty",
    "check_folder",
    "copy_files",
    "crop_to_scale",
    "cut_patches",
    "cut_structured",
    "encode",
    "files_by_name",
    "filled_or_gone",
    "find_block_grid",
    "flat_name",
    "hash_hashes",
    "hash_pixels",
    "image_size",
    "images_of",
    "is_opaque",
    "is_uri",
    "is_video",
    "list_files",
    "list_images",
    "list_pairs",
    "local_folder",
    "most_structured",
    "names_apart",
    "open_video",
    "patches_of",
    "printable",
    "read_carried",
    "read_image",
    "read_rgb8",
    "reduced_files",
    "same_name",
    "scan_folder",
    "sides_of",
    "split_files",
    "structure",
    "to_pixels",
    "to_uint8",
    "video_frames",
    "write_image",
]
