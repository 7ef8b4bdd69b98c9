"""A WHEP client that tests any server; this is its door."""

from dragonctl.whep_test.client import run
from dragonctl.whep_test.model import Options, Reason, Report, Verdict, ViewerReport
from dragonctl.whep_test.report import table

__all__ = ["Options", "Reason", "Report", "Verdict", "ViewerReport", "run", "table"]
