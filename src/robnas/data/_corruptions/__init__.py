"""Corrupted copies of images: published ones, and those that are made here (Hendrycks and Dietterich 2019)."""

from robnas import _lazy
from robnas.data._corruptions._catalogue import corruptions_of as corruptions_of
from robnas.data._corruptions._catalogue import left_out as left_out
from robnas.data._corruptions._making import corrupt as corrupt
from robnas.data._corruptions._source import Corruptions as Corruptions
from robnas.data._corruptions._source import corrupted as corrupted
from robnas.data._corruptions._source import corruptions as corruptions

__dir__ = _lazy.listing(__name__)
