"""Figures of weighing, by matplotlib: laws against runs, losses against shares, strategies, gradients, trajectories.

    n runs · m domains · t targets · R rounds

Each function gives a matplotlib figure; ``picture`` makes it part of a page. The same figures give the same bytes on one image.
"""

import base64
import io
import math
import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps, rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from corpusmill.jobs.reporting.html import Html, printable, tag

Doubles = npt.NDArray[np.float64]

COLOURS = ("#2f6f9f", "#d97b5b", "#dcae3f", "#9a72b4", "#7f9f4a", "#c4567b", "#45a39c", "#a57f60", "#7480d6", "#98a0aa")
MARKERS = "osD^vPX*"
SIDE = 1.75  # inches of a small panel
ACROSS = 5  # panels side by side
WIDE = 8.75  # inches
LEAST_TEXT = 12  # domains up to which cells of a heat map are written out


def picture(figure: Figure, says: str) -> Html:
    """The figure as an image that holds all it needs; ``says`` is what it tells to whoever does not see it."""
    data = io.BytesIO()
    # Names are text in the reader's fonts; those of matplotlib, by which it measures, lack most scripts, and it says so.
    with rc_context({"svg.hashsalt": "corpusmill", "svg.fonttype": "none"}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        figure.savefig(data, format="svg", metadata={"Date": None}, facecolor="white")
    return tag("img", class_="figure", alt=says, src="data:image/svg+xml;base64," + base64.b64encode(data.getvalue()).decode())


def plain(name: str) -> str:
    """A name out of the data as matplotlib shows it as it is: a dollar begins no formula, an underscore hides no label."""
    shown = printable(name).replace("$", r"\$")
    return f"\u200b{shown}" if shown.startswith("_") else shown


def predicted_observed(targets: Sequence[str], observed: Doubles, predicted: Doubles) -> Figure:
    """A panel per target: what the law says of runs it has not seen (n, t) against what they had (n, t)."""
    figure, panels = _panels(len(targets))
    for place, (panel, target) in enumerate(zip(panels, targets, strict=True)):
        both = np.stack([observed[:, place], predicted[:, place]])
        low, high = both.min(), both.max()
        panel.plot([low, high], [low, high], color="#b9bec7", linewidth=1, zorder=0)
        panel.scatter(observed[:, place], predicted[:, place], s=7, color=COLOURS[0], alpha=0.6, linewidths=0)
        panel.set_title(plain(target), fontsize=8)
    figure.supxlabel("observed loss, nats per token", fontsize=8)
    figure.supylabel("predicted", fontsize=8)
    return figure


def loss_share(titles: Sequence[str], shares: Doubles, losses: Doubles, lines: Doubles, at: Doubles) -> Figure:
    """A panel per target: its loss (n, t) against the share (n, t) of the domain that it follows most.

    ``lines`` (t, q): the law along that share ``at`` (q,), the others in their natural proportions.
    """
    figure, panels = _panels(len(titles))
    for place, (panel, title) in enumerate(zip(panels, titles, strict=True)):
        panel.scatter(shares[:, place], losses[:, place], s=7, color=COLOURS[0], alpha=0.6, linewidths=0)
        panel.plot(at, lines[place], color=COLOURS[1], linewidth=1.5)
        panel.set_title(plain(title), fontsize=8)
    figure.supxlabel("share of the domain", fontsize=8)
    figure.supylabel("loss, nats per token", fontsize=8)
    return figure


def strategies(domains: Sequence[str], shares: Mapping[str, Sequence[float]]) -> Figure:
    """The proportions (m,) that each strategy gives, domain by domain."""
    figure = Figure(figsize=(WIDE, 0.9 + 0.34 * len(domains)), layout="constrained")
    axes = figure.add_subplot()
    rows = np.arange(len(domains))
    for i, (strategy, values) in enumerate(shares.items()):
        shift = (i - (len(shares) - 1) / 2) * 0.7 / max(1, len(shares))
        axes.scatter(values, rows + shift, s=22, color=COLOURS[i % len(COLOURS)], marker=MARKERS[i % len(MARKERS)],
                     label=plain(strategy), linewidths=0)
    axes.hlines(rows + 0.5, 0, axes.get_xlim()[1], color="#e3e4e8", linewidth=0.8, zorder=0)
    _bare(axes)
    axes.set_yticks(rows, list(map(plain, domains)))
    axes.set_ylim(len(domains) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.set_xlabel("share of the mixture")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.6 / (0.34 * len(domains) + 0.5)), ncols=4, frameon=False,
                fontsize=8)
    return figure


def gram(domains: Sequence[str], matrix: Doubles) -> Figure:
    """Cosines between the gradients of domains, of their Gram matrix (m, m)."""
    lengths = np.sqrt(np.clip(np.diag(matrix), 1e-300, None))
    cosines = matrix / np.outer(lengths, lengths)
    side = 1.9 + 0.3 * len(domains)
    figure = Figure(figsize=(min(WIDE, side + 0.6), min(WIDE, side)), layout="constrained")
    axes = figure.add_subplot()
    drawn = axes.imshow(cosines, cmap=colormaps["RdBu_r"], vmin=-1, vmax=1)
    axes.set_xticks(range(len(domains)), list(map(plain, domains)), rotation=60, ha="right")
    axes.set_yticks(range(len(domains)), list(map(plain, domains)))
    if len(domains) <= LEAST_TEXT:
        for row, column in np.ndindex(*cosines.shape):
            colour = "white" if abs(cosines[row, column]) > 0.6 else "black"
            axes.text(column, row, f"{cosines[row, column]:.2f}", ha="center", va="center", size=6, color=colour)
    figure.colorbar(drawn, ax=axes, shrink=0.7, label="cosine")
    return figure


def trajectories(domains: Sequence[str], steps: Sequence[int], shares: Doubles, label: str = "share of the mixture") -> Figure:
    """The share (R, m) of each domain as the steps of training went on."""
    figure = Figure(figsize=(WIDE, 3.2), layout="constrained")
    axes = figure.add_subplot()
    for place, domain in enumerate(domains):
        style = ("-", "--", ":")[place // len(COLOURS) % 3]
        axes.plot(steps, shares[:, place], style, color=COLOURS[place % len(COLOURS)], linewidth=1.4, label=plain(domain))
    _bare(axes)
    axes.set_xlabel("step")
    axes.set_ylabel(label)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=8)
    return figure


def curves(steps: Mapping[str, Sequence[float]], values: Mapping[str, Sequence[float]], label: str) -> Figure:
    """A line per strategy: its loss at each number of tokens."""
    figure = Figure(figsize=(WIDE, 3.2), layout="constrained")
    axes = figure.add_subplot()
    for place, (strategy, losses) in enumerate(values.items()):
        axes.plot(steps[strategy], losses, color=COLOURS[place % len(COLOURS)], marker=MARKERS[place % len(MARKERS)],
                  markersize=3, linewidth=1.2, label=plain(strategy))
    _bare(axes)
    axes.set_xlabel("tokens")
    axes.set_ylabel(label)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=8)
    return figure


def _panels(count: int) -> tuple[Figure, list[Axes]]:
    across = min(ACROSS, count)
    down = math.ceil(count / across)
    figure = Figure(figsize=(SIDE * across, SIDE * down + 0.3), layout="constrained")
    grid = figure.subplots(down, across, squeeze=False).ravel()
    for empty in grid[count:]:
        empty.set_visible(False)
    for panel in grid[:count]:
        _bare(panel)
    return figure, list(grid[:count])


def _bare(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=7)
