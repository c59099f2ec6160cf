"""Tables and figures of measurements."""

from robnas import _lazy
from robnas.analysis._correlation import Correlation as Correlation
from robnas.analysis._correlation import correlate as correlate
from robnas.analysis._correlation import correlation_ceiling as correlation_ceiling
from robnas.analysis._correlation import kendall as kendall
from robnas.analysis._correlation import spearman as spearman
from robnas.analysis._figures import clean_versus_robust as clean_versus_robust
from robnas.analysis._leaderboard import Entry as Entry
from robnas.analysis._leaderboard import Row as Row
from robnas.analysis._leaderboard import cell_text as cell_text
from robnas.analysis._leaderboard import known_noise as known_noise
from robnas.analysis._leaderboard import leaderboard as leaderboard
from robnas.analysis._leaderboard import metrics_of as metrics_of
from robnas.analysis._leaderboard import most_images as most_images
from robnas.analysis._leaderboard import rank_text as rank_text
from robnas.analysis._leaderboard import standard_errors as standard_errors
from robnas.analysis._leaderboard import strongest as strongest
from robnas.analysis._outputs import check_page as check_page
from robnas.analysis._outputs import write_page as write_page
from robnas.analysis._outputs import write_picture as write_picture
from robnas.analysis._quality import Finding as Finding
from robnas.analysis._quality import data_quality as data_quality
from robnas.analysis._ranking import RankSet as RankSet
from robnas.analysis._ranking import critical_values as critical_values
from robnas.analysis._ranking import rank_set as rank_set
from robnas.analysis._ranking import tied_with_best as tied_with_best
from robnas.analysis._report import Report as Report
from robnas.analysis._report import report_of as report_of
from robnas.analysis._report_page import printable as printable
from robnas.analysis._report_table import short as short
from robnas.analysis._reproduce import REPRODUCTIONS as REPRODUCTIONS
from robnas.analysis._reproduce import SCORED as SCORED
from robnas.analysis._reproduce import reproduce as reproduce
from robnas.analysis._scored import trained as trained
from robnas.analysis._search_attainment import attainment as attainment
from robnas.analysis._search_figures import anytime_curves as anytime_curves
from robnas.analysis._search_figures import attainment_fronts as attainment_fronts
from robnas.analysis._search_figures import critical_differences as critical_differences
from robnas.analysis._search_report import all_rankings as all_rankings
from robnas.analysis._search_report import all_tests as all_tests
from robnas.analysis._search_report import by_regret as by_regret
from robnas.analysis._search_report import finished as finished
from robnas.analysis._search_report import oracle_notice as oracle_notice
from robnas.analysis._search_report import regret_text as regret_text
from robnas.analysis._search_report import summarise as summarise
from robnas.analysis._search_report import write_search_report as write_search_report
from robnas.analysis._search_saved import Saved as Saved
from robnas.analysis._search_saved import queries_saved as queries_saved
from robnas.analysis._search_statistics import PairedTest as PairedTest
from robnas.analysis._search_statistics import Ranking as Ranking
from robnas.analysis._search_statistics import average_ranks as average_ranks
from robnas.analysis._search_statistics import holm as holm
from robnas.analysis._search_statistics import paired_tests as paired_tests
from robnas.analysis._search_table2 import TABLE2_NOTICE as TABLE2_NOTICE

__dir__ = _lazy.listing(__name__)
