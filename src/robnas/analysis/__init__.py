"""Tables and figures of measurements."""

from robnas.analysis._figures import clean_versus_robust as clean_versus_robust
from robnas.analysis._leaderboard import Row as Row
from robnas.analysis._leaderboard import leaderboard as leaderboard
from robnas.analysis._leaderboard import metrics_of as metrics_of
from robnas.analysis._leaderboard import strongest as strongest
from robnas.analysis._report import cell_text as cell_text
from robnas.analysis._report import write_figure as write_figure
from robnas.analysis._report import write_report as write_report
