#!/usr/bin/env python3
"""Trains on gold.features and gold.labels, and says what that is worth on bars it has not seen.

    python3 docs/examples/train.py target/lake/demo
    python3 docs/examples/train.py target/lake/dev --timeframe 1h --horizon 6

Takes polars, deltalake and numpy. A ridge regression of the return over the next bars: small enough to read, and
enough to show what matters, which is time. A label is learnt from only if it was known before the first bar that
the model is tried on (`known_at`), and features are scaled by what the training bars alone say.
"""

import argparse
import sys

import deltalake
import numpy as np
import polars as pl

BAR = ["source", "market", "symbol", "timeframe", "open_time"]


def table(lake: str, name: str, timeframe: str) -> pl.DataFrame:
    """A gold table's rows of a timeframe."""
    dataset = deltalake.DeltaTable(f"{lake}/gold/{name}").to_pyarrow_table(
        filters=[("timeframe", "=", timeframe)])
    return pl.from_arrow(dataset)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("lake", help="the lake's folder")
    parser.add_argument("--timeframe", default="1h")
    parser.add_argument("--horizon", type=int, default=1, help="bars that a label looks ahead")
    parser.add_argument("--share", type=float, default=0.7, help="of the time that is learnt from")
    args = parser.parse_args()

    features = table(args.lake, "features", args.timeframe)
    labels = table(args.lake, "labels", args.timeframe).filter(pl.col("horizon") == args.horizon)
    labels = labels.select(*BAR, "log_return", label_known_at="known_at")
    rows = features.join(labels, on=BAR).sort("known_at", *BAR)
    names = [column for column in features.columns if column not in [*BAR, "month", "known_at"]]
    # a feature that hardly any bar has teaches nothing here
    names = [name for name in names if rows[name].null_count() < rows.height / 2]
    rows = rows.drop_nulls(names)
    if rows.height < 50:
        print(f"{rows.height} bars with all features are too few; take a longer range", file=sys.stderr)
        return 1

    cut = rows["known_at"][int(rows.height * args.share)]
    train = rows.filter(pl.col("label_known_at") <= cut)
    test = rows.filter(pl.col("known_at") > cut)
    x, y = train.select(names).to_numpy(), train["log_return"].to_numpy()
    mean, scale = x.mean(axis=0), x.std(axis=0)
    scale[scale == 0] = 1
    weigh = lambda frame: (frame.select(names).to_numpy() - mean) / scale  # noqa: E731
    z = weigh(train)
    weights = np.linalg.solve(z.T @ z + 10 * np.eye(len(names)), z.T @ (y - y.mean()))
    guess, truth = weigh(test) @ weights + y.mean(), test["log_return"].to_numpy()

    moved = truth != 0
    hits = float((np.sign(guess[moved]) == np.sign(truth[moved])).mean())
    always_up = float((truth[moved] > 0).mean())
    print(f"{len(names)} features; {train.height} bars learnt from, {test.height} tried, from {cut} on")
    print(f"direction right: {hits:.3f} of {int(moved.sum())} (always up: {always_up:.3f})")
    strongest = sorted(zip(np.abs(weights), names), reverse=True)[:5]
    print("weighs most: " + ", ".join(name for _, name in strongest))
    return 0


if __name__ == "__main__":
    sys.exit(main())
