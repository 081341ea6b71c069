"""From DL2 tables to a folder of figures, the numbers behind them, and one HTML page.

``report.html`` is self-contained. Beside it each figure is a PDF and a PNG, each table an ECSV file.
"""

from gammaml.report.text import summary_text
from gammaml.report.write import write_report

__all__ = ["summary_text", "write_report"]
