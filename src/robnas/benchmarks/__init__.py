"""Tables in memory: load, query, join, export; importers of published files. No torch."""

from robnas import _lazy
from robnas.benchmarks._catalogue import BUNDLED as BUNDLED
from robnas.benchmarks._catalogue import CATALOGUE as CATALOGUE
from robnas.benchmarks._catalogue import Entry as Entry
from robnas.benchmarks._catalogue import cached_path as cached_path
from robnas.benchmarks._catalogue import fetch as fetch
from robnas.benchmarks._catalogue import load as load
from robnas.benchmarks._choice import Ambiguity as Ambiguity
from robnas.benchmarks._choice import Choice as Choice
from robnas.benchmarks._column import Column as Column
from robnas.benchmarks._column import Value as Value
from robnas.benchmarks._columns import name_of_key as name_of_key
from robnas.benchmarks._counts import counted as counted
from robnas.benchmarks._counts import exact_divisor as exact_divisor
from robnas.benchmarks._curve import AfterEpoch as AfterEpoch
from robnas.benchmarks._curve import CurveColumn as CurveColumn
from robnas.benchmarks._deconvolution import Deconvolved as Deconvolved
from robnas.benchmarks._deconvolution import deconvolve as deconvolve
from robnas.benchmarks._exchange import read_rows as read_rows
from robnas.benchmarks._exchange import write_rows as write_rows
from robnas.benchmarks._expected import Expected as Expected
from robnas.benchmarks._expected import expected_accuracies as expected_accuracies
from robnas.benchmarks._noise import FEWEST_DEGREES as FEWEST_DEGREES
from robnas.benchmarks._noise import LocalNoise as LocalNoise
from robnas.benchmarks._noise import Noise as Noise
from robnas.benchmarks._noise import NoiseKind as NoiseKind
from robnas.benchmarks._noise import Residuals as Residuals
from robnas.benchmarks._noise import duplicate_groups as duplicate_groups
from robnas.benchmarks._noise import duplicate_residuals as duplicate_residuals
from robnas.benchmarks._noise import measure_local_noise as measure_local_noise
from robnas.benchmarks._noise import measure_noise as measure_noise
from robnas.benchmarks._noise import pooled_sd as pooled_sd
from robnas.benchmarks._noise import run_residuals as run_residuals
from robnas.benchmarks._pareto import pareto_front as pareto_front
from robnas.benchmarks._parquet import read_table as read_table
from robnas.benchmarks._parquet import write_table as write_table
from robnas.benchmarks._ranks import RESOLUTION as RESOLUTION
from robnas.benchmarks._ranks import competition_ranks as competition_ranks
from robnas.benchmarks._ranks import sharing as sharing
from robnas.benchmarks._ranks import tied as tied
from robnas.benchmarks._records import Holding as Holding
from robnas.benchmarks._records import holdings as holdings
from robnas.benchmarks._records import meant_curves as meant_curves
from robnas.benchmarks._records import meant_records as meant_records
from robnas.benchmarks._records import table_of_records as table_of_records
from robnas.benchmarks._records import table_of_store as table_of_store
from robnas.benchmarks._repeats import Repeats as Repeats
from robnas.benchmarks._rows import IDENTICAL as IDENTICAL
from robnas.benchmarks._scores import Scores as Scores
from robnas.benchmarks._scores import read_scores as read_scores
from robnas.benchmarks._table import Objective as Objective
from robnas.benchmarks._table import Table as Table
from robnas.benchmarks.nas_bench_201 import training_hours as training_hours

__dir__ = _lazy.listing(__name__)
