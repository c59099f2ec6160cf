"""`Recipe`, objectives, schedule, checkpoints and the training loop."""

from robnas import _lazy
from robnas.training._adamw import AdamW as AdamW
from robnas.training._asked import attacked as attacked
from robnas.training._asked import logits as logits
from robnas.training._attack import TRAINING_ATTACKS as TRAINING_ATTACKS
from robnas.training._averaging import AVERAGINGS as AVERAGINGS
from robnas.training._averaging import EMA as EMA
from robnas.training._averaging import Average as Average
from robnas.training._averaging import Averaging as Averaging
from robnas.training._checkpoint import check_identity as check_identity
from robnas.training._log import LOG as LOG
from robnas.training._log import EpochLog as EpochLog
from robnas.training._log import is_finished as is_finished
from robnas.training._log import overfitting as overfitting
from robnas.training._log import result_epoch as result_epoch
from robnas.training._log import weights_text as weights_text
from robnas.training._objective import MART as MART
from robnas.training._objective import OBJECTIVES as OBJECTIVES
from robnas.training._objective import TRADES as TRADES
from robnas.training._objective import Mixed as Mixed
from robnas.training._objective import Objective as Objective
from robnas.training._objective import Outcome as Outcome
from robnas.training._optimizer import OPTIMIZERS as OPTIMIZERS
from robnas.training._optimizer import Optimizer as Optimizer
from robnas.training._optimizer import Updates as Updates
from robnas.training._overfitting import TrainingWarning as TrainingWarning
from robnas.training._precision import PRECISIONS as PRECISIONS
from robnas.training._reading import find_recipe as find_recipe
from robnas.training._reading import recipe_of as recipe_of
from robnas.training._reading import with_settings as with_settings
from robnas.training._recipe import RECIPES as RECIPES
from robnas.training._recipe import Recipe as Recipe
from robnas.training._recipe import recipe as recipe
from robnas.training._schedule import SCHEDULES as SCHEDULES
from robnas.training._schedule import Constant as Constant
from robnas.training._schedule import Cosine as Cosine
from robnas.training._schedule import Cyclic as Cyclic
from robnas.training._schedule import OneCycle as OneCycle
from robnas.training._schedule import Piecewise as Piecewise
from robnas.training._schedule import Schedule as Schedule
from robnas.training._schedule import one_cycle as one_cycle
from robnas.training._sgd import SGD as SGD
from robnas.training._step import Step as Step
from robnas.training._stopping import STOPPINGS as STOPPINGS
from robnas.training._stopping import EarlyStopping as EarlyStopping
from robnas.training._stopping import Stopping as Stopping
from robnas.training._train import CHECKPOINT as CHECKPOINT
from robnas.training._train import Measure as Measure
from robnas.training._train import restore as restore
from robnas.training._train import train as train

__dir__ = _lazy.listing(__name__)
