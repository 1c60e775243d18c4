"""The pictures of the measurements, as SVG, the same for the same numbers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt

mpl.use('svg')
mpl.rcParams['svg.hashsalt'] = 'esi-leap'  # or the ids of elements would differ each time
mpl.rcParams['svg.fonttype'] = 'none'  # text stays text

_STYLES = ('-', '--', ':')
_TITLES = {'mariadb': 'MariaDB', 'postgresql': 'PostgreSQL'}


def curves(results: Mapping[str, Any], picture: Path) -> None:
    """Draw the time of each request over the number of offers and leases, a panel a database."""
    figure, panels = plt.subplots(
        1, len(results), figsize=(5.2 * len(results), 5.6), sharey=True, squeeze=False
    )
    for panel, (kind, curve) in zip(panels[0], results.items(), strict=True):
        sizes = [int(each) for each in curve]
        for number, name in enumerate(next(iter(curve.values()))):
            # Of several, the fastest is the one that had to wait least for other programs.
            times = [at[name]['fastest_ms'] for at in curve.values()]
            style = _STYLES[number // 10]  # there are ten colours
            panel.plot(sizes, times, style, marker='o', markersize=4, label=name)
        panel.set(
            title=_TITLES[kind], xscale='log', xlabel='offers, and as many leases and nodes', ylim=0
        )
        panel.grid(alpha=0.3)
    panels[0][0].set_ylabel('fastest of 15 requests, ms')
    handles, names = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, names, loc='lower center', ncols=3, frameon=False, fontsize=8)
    figure.tight_layout(rect=(0, 0.26, 1, 1))
    figure.savefig(picture, format='svg', metadata={'Date': None})
