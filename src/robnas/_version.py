"""The version of this package, for what files say of what made them."""

__version__ = "0.1.0"
