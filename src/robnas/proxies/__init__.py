"""Scores of untrained networks: zero-cost proxies and kernels, one file each, by name in `PROXIES`."""

from typing import TYPE_CHECKING

from robnas import _lazy

if TYPE_CHECKING:
    from robnas.proxies._batch import ProxySettings as ProxySettings
    from robnas.proxies._condition_and_parameters import CONDITION_WEIGHT as CONDITION_WEIGHT
    from robnas.proxies._croze import CRoZe as CRoZe
    from robnas.proxies._features import SCALES as SCALES
    from robnas.proxies._features import proxy_features as proxy_features
    from robnas.proxies._many import as_table as as_table
    from robnas.proxies._many import score_many as score_many
    from robnas.proxies._many import score_settings as score_settings
    from robnas.proxies._mean_field import MeanFieldSensitivity as MeanFieldSensitivity
    from robnas.proxies._ntk import KernelProxy as KernelProxy
    from robnas.proxies._probe import Probe as Probe
    from robnas.proxies._probe import UndefinedScoreError as UndefinedScoreError
    from robnas.proxies._proxies import CHEAP as CHEAP
    from robnas.proxies._proxies import PROXIES as PROXIES
    from robnas.proxies._proxies import ROBUSTNESS as ROBUSTNESS
    from robnas.proxies._proxies import TRAINED as TRAINED
    from robnas.proxies._proxies import Proxy as Proxy
    from robnas.proxies._proxies import attacks_of as attacks_of
    from robnas.proxies._proxies import selected as selected
    from robnas.proxies._r_score import RScore as RScore
    from robnas.proxies._robust_score import ROBUST_WEIGHT as ROBUST_WEIGHT
    from robnas.proxies._robust_zcp import RobustZCP as RobustZCP
    from robnas.proxies._score import NetworkScore as NetworkScore
    from robnas.proxies._score import ProxyScore as ProxyScore
    from robnas.proxies._score import probe_architecture as probe_architecture
    from robnas.proxies._score import score as score
    from robnas.proxies._score import score_network as score_network
    from robnas.proxies._score import summary as summary

_HOME = {
    "_batch": ("ProxySettings",),
    "_condition_and_parameters": ("CONDITION_WEIGHT",),
    "_croze": ("CRoZe",),
    "_features": ("SCALES", "proxy_features"),
    "_many": ("as_table", "score_many", "score_settings"),
    "_mean_field": ("MeanFieldSensitivity",),
    "_ntk": ("KernelProxy",),
    "_probe": ("Probe", "UndefinedScoreError"),
    "_proxies": ("CHEAP", "PROXIES", "ROBUSTNESS", "TRAINED", "Proxy", "attacks_of", "selected"),
    "_r_score": ("RScore",),
    "_robust_score": ("ROBUST_WEIGHT",),
    "_robust_zcp": ("RobustZCP",),
    "_score": ("ProxyScore", "NetworkScore", "probe_architecture", "score", "score_network", "summary"),
}
_FORMER = ("FewShotPredictor", "fit_few_shot", "structure")
__getattr__, __dir__ = _lazy.attach(
    __name__,
    {name: f"{__name__}.{module}" for module, names in _HOME.items() for name in names},
    dict.fromkeys(_FORMER, "robnas.surrogates"),
)
