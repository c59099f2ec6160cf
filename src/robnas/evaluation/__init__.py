"""Network + suite of attacks and corruptions → measurements, with sanity checks."""

from robnas import _lazy
from robnas.evaluation._corrupted import Corrupted as Corrupted
from robnas.evaluation._evaluate import EVALUATION as EVALUATION
from robnas.evaluation._evaluate import device_name as device_name
from robnas.evaluation._evaluate import evaluate as evaluate
from robnas.evaluation._evaluate import weights_hash as weights_hash
from robnas.evaluation._measurement import Evaluation as Evaluation
from robnas.evaluation._measurement import Flag as Flag
from robnas.evaluation._measurement import Measurement as Measurement
from robnas.evaluation._measurement import Share as Share
from robnas.evaluation._module import load_module as load_module
from robnas.evaluation._module import load_weights as load_weights
from robnas.evaluation._suite import SUITES as SUITES
from robnas.evaluation._suite import Suite as Suite
from robnas.evaluation._suite import check_suite as check_suite
from robnas.evaluation._suite import metric_key as metric_key
from robnas.evaluation._suite import suite as suite

__dir__ = _lazy.listing(__name__)
