"""Trials: what is trained, where, and what comes out of it."""

from robnas.build._trial import TRIAL as TRIAL
from robnas.build._trial import Source as Source
from robnas.build._trial import Trial as Trial
from robnas.build._trial import load_trial as load_trial
