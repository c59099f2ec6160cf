"""Image data sets as uint8 tensors on the device, fixed splits, batched augmentation."""

from robnas import _lazy
from robnas.data._augment import augment as augment
from robnas.data._augment import draw_augmentation as draw_augmentation
from robnas.data._corruptions import Corruptions as Corruptions
from robnas.data._corruptions import corrupt as corrupt
from robnas.data._corruptions import corrupted as corrupted
from robnas.data._corruptions import corruptions as corruptions
from robnas.data._corruptions import corruptions_of as corruptions_of
from robnas.data._corruptions import left_out as left_out
from robnas.data._dataset import Dataset as Dataset
from robnas.data._dataset import Images as Images
from robnas.data._dataset import to_pixels as to_pixels
from robnas.data._load import DATASETS as DATASETS
from robnas.data._load import load_data as load_data

__dir__ = _lazy.listing(__name__)
