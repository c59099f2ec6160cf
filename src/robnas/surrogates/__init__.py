"""Predictors fitted on few measured architectures: a mean and an honest interval for every other one."""

from typing import TYPE_CHECKING

from robnas import _lazy

if TYPE_CHECKING:
    from robnas.surrogates._accuracy import METRICS as METRICS
    from robnas.surrogates._accuracy import accuracy_of as accuracy_of
    from robnas.surrogates._accuracy import over_splits as over_splits
    from robnas.surrogates._assess import Assessment as Assessment
    from robnas.surrogates._assess import assess as assess
    from robnas.surrogates._campaign import Campaign as Campaign
    from robnas.surrogates._chooser import Chooser as Chooser
    from robnas.surrogates._classes import classes_of as classes_of
    from robnas.surrogates._classes import one_of_each as one_of_each
    from robnas.surrogates._complete import complete as complete
    from robnas.surrogates._designs import DESIGNS as DESIGNS
    from robnas.surrogates._designs import FOCUSES as FOCUSES
    from robnas.surrogates._designs import Design as Design
    from robnas.surrogates._designs import choose as choose
    from robnas.surrogates._ensemble import Ensemble as Ensemble
    from robnas.surrogates._few_shot import FewShotPredictor as FewShotPredictor
    from robnas.surrogates._few_shot import fit_few_shot as fit_few_shot
    from robnas.surrogates._fit import Fitted as Fitted
    from robnas.surrogates._fit import fit as fit
    from robnas.surrogates._gaussian_process import GaussianProcess as GaussianProcess
    from robnas.surrogates._ground import Ground as Ground
    from robnas.surrogates._information import Features as Features
    from robnas.surrogates._information import Information as Information
    from robnas.surrogates._information import Structure as Structure
    from robnas.surrogates._information import gather as gather
    from robnas.surrogates._prediction import Prediction as Prediction
    from robnas.surrogates._prediction import Predictor as Predictor
    from robnas.surrogates._prediction import Surrogate as Surrogate
    from robnas.surrogates._process import Priors as Priors
    from robnas.surrogates._ridge import Ridge as Ridge
    from robnas.surrogates._shape import SHAPES as SHAPES
    from robnas.surrogates._shape import structure as structure
    from robnas.surrogates._surrogates import SURROGATES as SURROGATES
    from robnas.surrogates._tables import FORMS as FORMS
    from robnas.surrogates._tables import ColumnValues as ColumnValues
    from robnas.surrogates._tables import ScoreValues as ScoreValues
    from robnas.surrogates._tables import information_of as information_of
    from robnas.surrogates._trees import Trees as Trees

_HOME = {
    "_accuracy": ("METRICS", "accuracy_of", "over_splits"),
    "_assess": ("Assessment", "assess"),
    "_campaign": ("Campaign",),
    "_chooser": ("Chooser",),
    "_classes": ("classes_of", "one_of_each"),
    "_complete": ("complete",),
    "_designs": ("DESIGNS", "FOCUSES", "Design", "choose"),
    "_ensemble": ("Ensemble",),
    "_few_shot": ("FewShotPredictor", "fit_few_shot"),
    "_fit": ("Fitted", "fit"),
    "_gaussian_process": ("GaussianProcess",),
    "_ground": ("Ground",),
    "_information": ("Features", "Information", "Structure", "gather"),
    "_prediction": ("Prediction", "Predictor", "Surrogate"),
    "_process": ("Priors",),
    "_ridge": ("Ridge",),
    "_shape": ("SHAPES", "structure"),
    "_surrogates": ("SURROGATES",),
    "_tables": ("FORMS", "ColumnValues", "ScoreValues", "information_of"),
    "_trees": ("Trees",),
}
__getattr__, __dir__ = _lazy.attach(
    __name__, {name: f"{__name__}.{module}" for module, names in _HOME.items() for name in names}
)
