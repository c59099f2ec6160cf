"""Pages and figures of measurements."""

from robnas import _lazy
from robnas.reports._kernel_figure import moving_kernels as moving_kernels
from robnas.reports._outputs import check_page as check_page
from robnas.reports._outputs import write_csv as write_csv
from robnas.reports._outputs import write_page as write_page
from robnas.reports._outputs import write_picture as write_picture
from robnas.reports._outputs import write_pictures as write_pictures
from robnas.reports._page import printable as printable
from robnas.reports._report import Report as Report
from robnas.reports._report import report_of as report_of
from robnas.reports._scatter import clean_versus_robust as clean_versus_robust
from robnas.reports._search_figures import anytime_curves as anytime_curves
from robnas.reports._search_figures import attainment_fronts as attainment_fronts
from robnas.reports._search_figures import critical_differences as critical_differences
from robnas.reports._search_planned import run_notes as run_notes
from robnas.reports._search_report import budget_unit as budget_unit
from robnas.reports._search_report import notice_on as notice_on
from robnas.reports._search_report import oracle_notice as oracle_notice
from robnas.reports._search_report import read_results as read_results
from robnas.reports._search_report import regret_text as regret_text
from robnas.reports._search_report import write_search_report as write_search_report
from robnas.reports._search_sections import chances_text as chances_text
from robnas.reports._search_sections import interval_text as interval_text
from robnas.reports._search_sections import verdict_text as verdict_text
from robnas.reports._search_units import regret_words as regret_words
from robnas.reports._search_units import rope_text as rope_text
from robnas.reports._surrogate_figure import measured_against_predicted as measured_against_predicted
from robnas.reports._table_sections import short as short
from robnas.reports._texts import cell_text as cell_text
from robnas.reports._texts import code_text as code_text
from robnas.reports._texts import error_text as error_text
from robnas.reports._texts import rank_text as rank_text

__dir__ = _lazy.listing(__name__)
