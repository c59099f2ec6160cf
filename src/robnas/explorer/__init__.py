"""The benchmark in a browser: tables, scores and searches as a static site, and a small server for it. No torch."""

from robnas import _lazy
from robnas.explorer._export import check_export as check_export
from robnas.explorer._export import write_site as write_site
from robnas.explorer._pack import FORMAT as FORMAT
from robnas.explorer._pack import VERSION as VERSION
from robnas.explorer._search import Replay as Replay
from robnas.explorer._search import read_searches as read_searches
from robnas.explorer._server import Server as Server
from robnas.explorer._site import Site as Site
from robnas.explorer._site import build_site as build_site

__dir__ = _lazy.listing(__name__)
