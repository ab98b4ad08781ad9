"""Prints the reference values of the interpolation tests. Made with SciPy 1.17.1, NumPy 2.4.6."""

from scipy.interpolate import CubicSpline, PchipInterpolator

X = [0.0, 1.0, 2.5, 3.0, 7.0, 8.0]
Y = [1.0, 3.0, 2.0, 2.0, -4.0, 10.0]
AT = [0.25, 0.5, 1.75, 2.75, 4.0, 6.5, 7.5, 8.0]

for n in (2, 3, 4, 6):
    for name, curve in (("pchip", PchipInterpolator), ("spline", CubicSpline)):
        at = [x for x in AT if x <= X[n - 1]]
        values = ", ".join(f"({x!r}, {float(curve(X[:n], Y[:n])(x))!r})" for x in at)
        print(f"{name}, {n}, &[{values}]")
