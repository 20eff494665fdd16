"""Line charts as geometry: numbers in, SVG coordinates out; the template only writes them down."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 360, 190
LEFT, RIGHT, TOP, BOTTOM = 44, 14, 10, 24
SMOOTHING = 0.8
"""Weight of the past in the drawn moving average; the raw values stay visible behind it."""

RESOLUTION = 1e-9
"""Values that differ by less than this share of their size are drawn as equal."""

ERROR = "_se"
"""What the name of a metric's standard error ends in."""
WIDE = 1.96
"""Standard errors to either side of a moving average: a 95 % interval."""

Metrics = Sequence[Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class ChartSpec:
    """Which metrics go into one chart.

    Attributes:
        title: above the chart.
        keys: metric names, drawn in this order; a name that ends in ``/`` takes all metrics with that prefix.
        percent: whether values are shares, shown as percent on a fixed 0-100 axis.
        note: one sentence that says how to read it.
    """

    title: str
    keys: tuple[str, ...]
    percent: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One metric over the run, ready to draw.

    Attributes:
        name: for the legend.
        raw: SVG path of the measured values; a gap where one is missing.
        smooth: SVG path of the moving average.
        band: SVG path around its 95 % interval; "" where the metric has no standard error.
        end: (x, y) of the last smoothed point.
        last: the last smoothed value, formatted.
    """

    name: str
    raw: str
    smooth: str
    band: str
    end: tuple[float, float]
    last: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled position on an axis."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart ready to draw: geometry in a `WIDTH` x `HEIGHT` box, and the numbers for the pointer.

    Attributes:
        title, note: as in its `ChartSpec`.
        lines: one per metric.
        x_ticks, y_ticks: the axes.
        points: for the read-out: {"x": [...], "px": [...], "series": {name: [formatted or ""]}}.
    """

    title: str
    note: str
    lines: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    points: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _Scale:
    low: float
    high: float
    start: float
    stop: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.stop - self.start), 1)


def build_chart(spec: ChartSpec, metrics: Metrics, x_key: str) -> Chart | None:
    """Lay out one chart.

    Args:
        spec: what to draw.
        metrics: one mapping per update; a missing or NaN value is a gap.
        x_key: the metric on the horizontal axis.

    Returns:
        The chart, or None if no metric of the spec was measured.
    """
    names = [name for name in _expand(spec.keys, metrics) if _measured(metrics, name)]
    if not names:
        return None
    xs = [float(row.get(x_key, position)) for position, row in enumerate(metrics)]
    columns = {name: _column(metrics, name) for name in names}
    x_axis, y_axis = _axes(xs, columns, spec.percent)
    x, y = _Scale(*x_axis[:2], LEFT, WIDTH - RIGHT), _Scale(*y_axis[:2], HEIGHT - BOTTOM, TOP)
    labels = {name: [_format(v, spec.percent) for v in values] for name, values in columns.items()}
    return Chart(
        spec.title,
        spec.note,
        tuple(
            _line(_short(name), xs, columns[name], _column(metrics, name + ERROR), x, y, spec.percent) for name in names
        ),
        tuple(Tick(x(value), _format(value)) for value in x_axis[2]),
        tuple(Tick(y(value), _format(value, spec.percent)) for value in y_axis[2]),
        {
            "x": [_format(value) for value in xs],
            "px": [x(value) for value in xs],
            "series": {_short(name): values for name, values in labels.items()},
        },
    )


def smooth(values: Sequence[float], weight: float = SMOOTHING) -> list[float]:
    """Return the bias-corrected exponential moving average (Kingma & Ba 2015, section 3); NaN stays NaN.

    Args:
        values: measured; NaN where missing.
        weight: of the past, in [0, 1).
    """
    total = mass = 0.0
    result: list[float] = []
    for value in values:
        if not math.isnan(value):
            total, mass = weight * total + (1 - weight) * value, weight * mass + (1 - weight)
        result.append(math.nan if math.isnan(value) else total / mass)
    return result


def smooth_error(errors: Sequence[float], weight: float = SMOOTHING) -> list[float]:
    """Return the standard errors of `smooth`'s averages, of values that err independently; NaN stays NaN.

    Args:
        errors: the standard error of each value; NaN where the value or its error is missing.
        weight: of the past, as there.
    """
    total = mass = 0.0
    result: list[float] = []
    for error in errors:
        if not math.isnan(error):
            total, mass = weight**2 * total + ((1 - weight) * error) ** 2, weight * mass + (1 - weight)
        result.append(math.nan if math.isnan(error) else math.sqrt(total) / mass)
    return result


def ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Return round numbers that span [low, high]: steps of 1, 2, 2.5 or 5 times a power of ten."""
    size = max(abs(low), abs(high))
    # Below the smallest normal number a quarter of it is 0, which has no logarithm.
    size = size if size > sys.float_info.min * count else 1.0
    span = high - low if high - low > RESOLUTION * size else size
    raw = span / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{index * step:.12g}") for index in range(first, max(last, first + 1) + 1)]


def _axes(
    xs: Sequence[float], columns: Mapping[str, Sequence[float]], percent: bool
) -> tuple[tuple[float, float, list[float]], tuple[float, float, list[float]]]:
    """Return (low, high, ticks) of both axes."""
    x_low, x_high = min(xs), max(xs)
    x_high = x_high if x_high > x_low else x_low + 1
    x_ticks = [value for value in ticks(x_low, x_high) if x_low <= value <= x_high]
    values = [value for column in columns.values() for value in column if not math.isnan(value)]
    y_ticks = [0.0, 0.25, 0.5, 0.75, 1.0] if percent else ticks(min(values), max(values))
    return (x_low, x_high, x_ticks), (y_ticks[0], y_ticks[-1], y_ticks)


def _line(
    name: str,
    xs: Sequence[float],
    ys: Sequence[float],
    errors: Sequence[float],
    x: _Scale,
    y: _Scale,
    percent: bool,
) -> Line:
    averaged = smooth(ys)
    last = max(index for index, value in enumerate(averaged) if not math.isnan(value))
    end = (x(xs[last]), y(averaged[last]))
    band = _band(xs, averaged, smooth_error(errors), x, y)
    return Line(name, _path(xs, ys, x, y), _path(xs, averaged, x, y), band, end, _format(averaged[last], percent))


def _band(xs: Sequence[float], middle: Sequence[float], errors: Sequence[float], x: _Scale, y: _Scale) -> str:
    """Return the closed path around the interval, cut off at the ends of the axis; "" where none is known."""
    known = [place for place, error in enumerate(errors) if not math.isnan(error + middle[place])]
    if len(known) < 2:
        return ""
    corners = [(place, 1) for place in known] + [(place, -1) for place in reversed(known)]
    bound = [min(max(middle[p] + side * WIDE * errors[p], y.low), y.high) for p, side in corners]
    return "M" + " L".join(f"{x(xs[p])},{y(v)}" for (p, _), v in zip(corners, bound, strict=True)) + "Z"


def _path(xs: Sequence[float], ys: Sequence[float], x: _Scale, y: _Scale) -> str:
    """Return the SVG path through the points, lifted where a value is missing."""
    parts: list[str] = []
    pen_down = False
    for across, value in zip(xs, ys, strict=True):
        if math.isnan(value):
            pen_down = False
            continue
        parts.append(f"{'L' if pen_down else 'M'}{x(across)},{y(value)}")
        pen_down = True
    return " ".join(parts)


def _expand(keys: Sequence[str], metrics: Metrics) -> list[str]:
    every = dict.fromkeys(name for row in metrics for name in row)
    names: list[str] = []
    for key in keys:
        names += [name for name in every if name.startswith(key)] if key.endswith("/") else [key]
    return names


def _column(metrics: Metrics, name: str) -> list[float]:
    return [_number(row.get(name)) for row in metrics]


def _measured(metrics: Metrics, name: str) -> bool:
    return any(not math.isnan(_number(row.get(name))) for row in metrics)


def _number(value: object) -> float:
    """Return a finite number, or NaN for whatever else stands in the file."""
    usable = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if usable else math.nan  # type: ignore[arg-type]


def _short(name: str) -> str:
    return name.rsplit("/", 1)[-1].replace("_", " ")


def _format(value: float, percent: bool = False) -> str:
    if math.isnan(value):
        return ""
    if percent:
        return f"{value * 100:.0f}%"
    if value == 0 or 0.001 <= abs(value) < 100_000:
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{value:.1e}"
