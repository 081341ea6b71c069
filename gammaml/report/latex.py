"""A summary as a LaTeX table."""

import re

from gammaml.report.text import summary_rows

SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": "$<$", ">": "$>$", "±": r"$\pm$", "−": "$-$",
    "–": "--", "×": r"$\times$", "°": r"$^\circ$", "σ": r"$\sigma$", "θ": r"$\theta$", "α": r"$\alpha$",
    "²": "$^2$", "·": r"$\cdot$", "…": r"\dots{}", "“": "``", "”": "''",
}  # fmt: skip
MEASURED = re.compile(r"(-?[\d.]+) ± ([\d.]+)")
SIGNED = re.compile(r"-[\d.,]+(e[-+]\d+)?")


def latex_text(text):
    """`text` with what LaTeX would take for commands replaced; letters it does not know by default become ``?``."""
    known = "".join(SPECIAL.get(character, character) for character in text)
    return known.encode("ascii", "replace").decode()


def latex_cell(text):
    """A number with its uncertainty as ``$0.941 \\pm 0.024$``, a negative one in math, else the text."""
    if found := MEASURED.fullmatch(text):
        return f"${found[1]} \\pm {found[2]}$"
    return f"${text}$" if SIGNED.fullmatch(text) else latex_text(text)


def latex_table(rows, caption, label):
    """A table for a paper, with the rules of the package booktabs.

    Parameters
    ----------
    rows : list of list of str
        The first is the head.
    caption, label : str
        The caption is plain text.

    Returns
    -------
    str
    """
    head, *body = (" & ".join(map(latex_cell, row)) + r" \\" for row in rows)
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{latex_text(caption)}}}",
        rf"\label{{{label}}}",
        rf"\begin{{tabular}}{{l{'c' * (len(rows[0]) - 1)}}}",
        r"\toprule",
        head,
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def summary_latex(summary):
    """The summary of a report as a LaTeX table, its definition and counts in the caption."""
    caption = " ".join(f"{text.rstrip('.')}." for text in (summary.meta["definition"], summary.meta["counts"]) if text)
    return latex_table(summary_rows(summary), caption, "tab:performance")
