#!/usr/bin/env python3
"""The fleet health index of the C-MAPSS engines, computed without Tidemill.

Reads NASA's original files (train_FD001.txt, test_FD001.txt, RUL_FD001.txt, plain or as .zst) and writes what
`health_index.sql` and `rmse.sql` must give (to 1e-9: a database may add up rows in another order); `alerts.sql` must
give the engines of `expected_fd001.csv` with an estimate of 30 or less. Needs the Python standard library only, plus
the `zstd` command for compressed files. Sums are exact (`math.fsum`): the figures do not depend on the order of rows.

    python3 reference.py DIR                # compare with expected_fd001.csv and expected_rmse.csv beside this file
    python3 reference.py DIR --write        # write them anew

Method: published for the InfluxDB 3 C-MAPSS plugin. Each sensor of an engine's newest reading is scaled to 0 at the
fleet's healthy average (cycles up to 15) and 1 at its degraded average (cycles from 175), clamped; falling sensors need
no inversion because their degraded average is the lower one. One minus the mean is the health index, and 125 times that,
rounded to tenths, the estimated remaining useful life in cycles.
"""

import argparse
import math
import pathlib
import subprocess
import sys

RISING = [2, 3, 4, 8, 11, 13, 15]
FALLING = [7, 12, 20, 21]
RUL_MAX = 125.0
HERE = pathlib.Path(__file__).resolve().parent


def read(folder, name):
    """The numbers of a file, row by row."""
    plain = folder / name
    if plain.exists():
        text = plain.read_text()
    else:
        packed = folder / (name + ".zst")
        text = subprocess.run(["zstd", "-dc", packed], check=True, capture_output=True, text=True).stdout
    return [[float(column) for column in line.split()] for line in text.splitlines() if line.strip()]


def sensor(row, number):
    """A sensor's value: engine, cycle and three settings stand before sensor 1."""
    return row[4 + number]


def average(rows, number):
    return math.fsum(sensor(row, number) for row in rows) / len(rows)


def estimates(train, test):
    """Per engine in order: number, last cycle, health index, estimated remaining life, true remaining life."""
    healthy = [row for row in train if row[1] <= 15]
    degraded = [row for row in train if row[1] >= 175]
    references = {n: (average(healthy, n), average(degraded, n)) for n in RISING + FALLING}
    for number, (low, high) in references.items():
        assert (low < high) == (number in RISING), f"s_{number} goes the other way"
    newest = {}
    for row in test:
        newest[int(row[0])] = row
    for unit, row in sorted(newest.items()):
        shares = []
        for number, (low, high) in references.items():
            share = (sensor(row, number) - low) / (high - low)
            shares.append(min(max(share, 0.0), 1.0))
        health = 1.0 - math.fsum(shares) / len(shares)
        # Half away from zero, as SQL rounds; Python's round takes halves to the even neighbour.
        rul = math.floor(RUL_MAX * health * 10.0 + 0.5) / 10.0
        yield unit, int(row[1]), health, rul


def rmse(rows, truth, cap=math.inf):
    errors = [rul - min(true, cap) for (_, _, _, rul), true in zip(rows, truth, strict=True)]
    return math.sqrt(math.fsum(error * error for error in errors) / len(errors))


def render(rows):
    lines = ["unit_number,time_cycles,health_index,estimated_rul"]
    lines += [f"{unit},{cycles},{health:.17g},{rul:.17g}" for unit, cycles, health, rul in rows]
    return "\n".join(lines) + "\n"


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=pathlib.Path, metavar="DIR", help="the folder with NASA's files")
    arguments.add_argument("--write", action="store_true", help="write the expected file instead of comparing")
    arguments = arguments.parse_args()
    train, test = (read(arguments.folder, f"{kind}_FD001.txt") for kind in ("train", "test"))
    truth = [row[0] for row in read(arguments.folder, "RUL_FD001.txt")]
    rows = list(estimates(train, test))

    tie = min(abs((RUL_MAX * health * 10.0) % 1.0 - 0.5) for _, _, health, _ in rows)
    print(f"engines {len(rows)}, nearest to a rounding tie {tie:.2g} tenths")
    print(f"alerts critical {sum(r[3] <= 15 for r in rows)}, warning {sum(15 < r[3] <= 30 for r in rows)}")
    rmses = f"rmse_capped,rmse_raw\n{rmse(rows, truth, RUL_MAX):.17g},{rmse(rows, truth):.17g}\n"
    print(rmses, end="")

    status = 0
    for name, text in {"expected_fd001.csv": render(rows), "expected_rmse.csv": rmses}.items():
        if arguments.write:
            (HERE / name).write_text(text)
        elif (HERE / name).read_text() != text:
            print(f"{name} differs", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
