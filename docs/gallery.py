"""Draws one figure of each notebook for the gallery: `python docs/gallery.py [NUMBER ...]`."""

import runpy
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

ROOT = Path(__file__).parents[1]
OUT = ROOT / "docs" / "figures" / "gallery"
CHOSEN = {"01": 0, "05": 1}  # which figure of a notebook; by default the last
WIDTH = 720  # pixels


def draw(script: Path):
    runpy.run_path(str(script))
    number = script.stem[:2]
    figure = plt.figure(plt.get_fignums()[CHOSEN.get(number, -1)])
    figure.savefig(OUT / f"{number}.png", dpi=WIDTH / figure.get_figwidth())
    plt.close("all")


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for script in sorted((ROOT / "notebooks").glob("*.py")):
        if not sys.argv[1:] or script.stem[:2] in sys.argv[1:]:
            draw(script)
            print(script.stem, flush=True)


if __name__ == "__main__":
    main()
