"""Reading and checking images and folders of them, and cutting crops."""

from degcraft.images.folder import ImageFolder, Skipped, list_images, scan_folder, split_files
from degcraft.images.patches import Patches, cut_patches
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
from degcraft.images.writing import write_image

__all__ = [
    "IMAGE_SUFFIXES",
    "MAX_PIXELS",
    "HrPool",
    "ImageError",
    "ImageFolder",
    "LoadedImage",
    "Patches",
    "Skipped",
    "cut_patches",
    "hash_hashes",
    "hash_pixels",
    "image_size",
    "list_images",
    "read_image",
    "read_rgb8",
    "scan_folder",
    "split_files",
    "to_uint8",
    "write_image",
]
