"""From DL2 tables to a folder of figures, the numbers behind them, and one HTML page.

``index.html`` is self-contained. Beside it each figure is a PDF and a PNG, each table an ECSV file, and the summary a
LaTeX table too. Reports can be compared by what they have saved.
"""

from gammaml.report.compare import write_comparison
from gammaml.report.text import difference_text, summary_text
from gammaml.report.write import Remarks, write_report

__all__ = ["Remarks", "difference_text", "summary_text", "write_comparison", "write_report"]
