"""Prints the expected rows of asof_join.slt. Made with pandas 3.1.1."""

import pandas as pd

LEFT = [("a", 1), ("a", 5), ("a", 10), ("b", 2), ("b", 7), ("c", 4)]
RIGHT = [("a", 0, 10), ("a", 5, 15), ("a", 6, 16), ("a", 12, 22), ("b", 3, 103), ("b", 9, 109), ("d", 1, 201)]

left = pd.DataFrame(LEFT, columns=["k", "time"]).sort_values("time", kind="stable")
right = pd.DataFrame(RIGHT, columns=["k", "time", "q"]).sort_values("time", kind="stable")

for by in ("k", None):
    for direction in ("backward", "forward", "nearest"):
        for exact in (True, False):
            for tolerance in (None, 2):
                joined = pd.merge_asof(
                    left,
                    right if by else right.drop(columns="k"),
                    on="time",
                    by=by,
                    direction=direction,
                    allow_exact_matches=exact,
                    tolerance=tolerance,
                ).sort_values(["k", "time"])
                q = ["NULL" if pd.isna(v) else str(int(v)) for v in joined.q]
                print(by, direction, "exact" if exact else "strict", tolerance, " ".join(q))
