"""Find the degradations a pile of real low-resolution images carries, and train super-resolution on them."""

__version__ = "0.1.0"
