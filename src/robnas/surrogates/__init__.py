"""Predictors fitted on few measured architectures: a mean and an honest interval for every other one."""

from typing import TYPE_CHECKING

from robnas import _lazy

if TYPE_CHECKING:
    from robnas.surrogates._fit import Fitted as Fitted
    from robnas.surrogates._fit import fit as fit
    from robnas.surrogates._gaussian_process import GaussianProcess as GaussianProcess
    from robnas.surrogates._information import Features as Features
    from robnas.surrogates._information import Information as Information
    from robnas.surrogates._information import Structure as Structure
    from robnas.surrogates._information import gather as gather
    from robnas.surrogates._prediction import Prediction as Prediction
    from robnas.surrogates._prediction import Predictor as Predictor
    from robnas.surrogates._prediction import Surrogate as Surrogate
    from robnas.surrogates._surrogates import SURROGATES as SURROGATES

_HOME = {
    "_fit": ("Fitted", "fit"),
    "_gaussian_process": ("GaussianProcess",),
    "_information": ("Features", "Information", "Structure", "gather"),
    "_prediction": ("Prediction", "Predictor", "Surrogate"),
    "_surrogates": ("SURROGATES",),
}
__getattr__, __dir__ = _lazy.attach(
    __name__, {name: f"{__name__}.{module}" for module, names in _HOME.items() for name in names}
)
