"""Image data sets as uint8 tensors on the device, fixed splits, batched augmentation."""

from robnas import _lazy
from robnas.data._augment import augment as augment
from robnas.data._augment import draw_augmentation as draw_augmentation
from robnas.data._dataset import Dataset as Dataset
from robnas.data._dataset import Images as Images
from robnas.data._dataset import to_pixels as to_pixels
from robnas.data._load import DATASETS as DATASETS
from robnas.data._load import load_data as load_data

__dir__ = _lazy.listing(__name__)
