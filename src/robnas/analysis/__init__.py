"""Tables and figures of measurements."""

from robnas.analysis._correlation import Correlation as Correlation
from robnas.analysis._correlation import correlate as correlate
from robnas.analysis._correlation import correlation_ceiling as correlation_ceiling
from robnas.analysis._correlation import kendall as kendall
from robnas.analysis._correlation import spearman as spearman
from robnas.analysis._figures import clean_versus_robust as clean_versus_robust
from robnas.analysis._leaderboard import Row as Row
from robnas.analysis._leaderboard import leaderboard as leaderboard
from robnas.analysis._leaderboard import metrics_of as metrics_of
from robnas.analysis._leaderboard import strongest as strongest
from robnas.analysis._quality import Finding as Finding
from robnas.analysis._quality import data_quality as data_quality
from robnas.analysis._ranking import RankSet as RankSet
from robnas.analysis._ranking import rank_set as rank_set
from robnas.analysis._ranking import tied_with_best as tied_with_best
from robnas.analysis._report import cell_text as cell_text
from robnas.analysis._report import write_figure as write_figure
from robnas.analysis._report import write_report as write_report
from robnas.analysis._reproduce import REPRODUCTIONS as REPRODUCTIONS
from robnas.analysis._reproduce import reproduce as reproduce
