# SPDX-License-Identifier: MIT
"""From raw runs to medians, pairwise ratios, floors, and the text that shows them."""

from statistics import median

BASE, LIMIT, OURS, OUR_SERVER = "nginx-curl", "fio", "sluice", "sluice-curl"
BEST, RIVALS = "best", ("nginx-curl", "rsync", "nc")
MIB = 1 << 20

# state, what, peer, measure, compared with, at least / at most, floor
FLOORS = [
    ("warm", "rate, sluice ÷ nginx → curl", OURS, "rate", BASE, ">=", 2.0),
    ("warm", "CPU s/GB, sluice ÷ nginx → curl", OURS, "cpu", BASE, "<=", 0.25),
    ("warm", "rate, sluice ÷ fio writing", OURS, "rate", LIMIT, ">=", 0.85),
    ("warm", "rate, sluice → curl ÷ nginx → curl", OUR_SERVER, "rate", BASE, ">=", 1.0),
    ("cold", "rate, sluice ÷ nginx → curl", OURS, "rate", BASE, ">=", 1.5),
    ("cold", "CPU s/GB, sluice ÷ nginx → curl", OURS, "cpu", BASE, "<=", 0.4),
    ("cold", "rate, sluice ÷ fio reading and writing", OURS, "rate", LIMIT, ">=", 0.85),
    ("cold", "rate, sluice → curl ÷ nginx → curl", OUR_SERVER, "rate", BASE, ">=", 1.0),
    ("cold", "source left in the cache, share", OURS, "source", None, "<=", 0.0),
    ("cold", "destination left in the cache, share", OURS, "target", None, "<=", 0.01),
]

# The same, beside whichever of the rivals was the fastest in that round.
BEST_FLOORS = [
    ("warm", "rate, sluice ÷ the best of them", OURS, "rate", BEST, ">=", 2.0),
    ("warm", "CPU s/GB, sluice ÷ that one's", OURS, "cpu", BEST, "<=", 0.2),
    ("warm", "rate, sluice ÷ fio writing", OURS, "rate", LIMIT, ">=", 0.9),
    ("cold", "rate, sluice ÷ the best of them", OURS, "rate", BEST, ">=", 1.2),
    ("cold", "CPU s/GB, sluice ÷ that one's", OURS, "cpu", BEST, "<=", 1 / 3),
    ("cold", "rate, sluice ÷ fio reading and writing", OURS, "rate", LIMIT, ">=", 0.9),
]

MEASURES = {
    "rate": "rate_bytes_per_second",
    "cpu": "cpu_seconds_per_gigabyte",
    "source": "source_cached_bytes",
    "target": "destination_cached_bytes",
}


def done(runs, state, names):
    """The runs of these peers that did not fail."""
    return [run for run in runs
            if run["state"] == state and run["peer"] in names and "error" not in run]


def values(runs, state, name, measure):
    """By round; a failed run has no value. The best is the fastest rival of each round."""
    fastest = {}
    for run in done(runs, state, RIVALS if name == BEST else (name,)):
        other = fastest.setdefault(run["round"], run)
        if run[MEASURES["rate"]] > other[MEASURES["rate"]]:
            fastest[run["round"]] = run
    return {number: run[MEASURES[measure]] for number, run in fastest.items()}


def ratios(runs, state, name, other, measure):
    """Within one round each, since the disk of one round is not the disk of the next."""
    ours, theirs = (values(runs, state, who, measure) for who in (name, other))
    return [ours[r] / theirs[r] for r in ours if theirs.get(r)]


def summary(runs, state, name):
    """One line of the table as a dict; None where nothing was measured."""
    rates = list(values(runs, state, name, "rate").values())
    if not rates:
        return None

    def middle(measure):
        return median(values(runs, state, name, measure).values())

    def against(other, measure):
        found = ratios(runs, state, name, other, measure)
        return median(found) if found else None

    return {
        "state": state, "peer": name, "runs": len(rates),
        "rate_bytes_per_second": median(rates),
        "rate_lowest_bytes_per_second": min(rates),
        "rate_highest_bytes_per_second": max(rates),
        "cpu_seconds_per_gigabyte": middle("cpu"),
        "rate_ratio_to_nginx_curl": against(BASE, "rate"),
        "cpu_ratio_to_nginx_curl": against(BASE, "cpu"),
        "rate_ratio_to_limit": against(LIMIT, "rate"),
        "source_cached_bytes": middle("source"),
        "destination_cached_bytes": middle("target"),
    }


def floors(runs, states, size):
    """Every floor of these states: what was measured, and whether that is enough."""
    return [{"beside": beside, **judge(runs, size, *floor)}
            for beside, wanted in ((BASE, FLOORS), (BEST, BEST_FLOORS))
            for floor in wanted if floor[0] in states]


def judge(runs, size, state, what, name, measure, other, relation, floor):
    if other:
        found = ratios(runs, state, name, other, measure)
        measured = median(found) if found else None
    else:
        # A promise about every run, so the worst one counts.
        found = [kept / size for kept in values(runs, state, name, measure).values()]
        measured = max(found, default=None)
    return {"state": state, **verdict(what, found, relation, floor, measured)}


def verdict(what, found, relation, floor, measured=None, unit=""):
    """The median of what was found, unless another figure of it counts, against its floor."""
    if found and measured is None:
        measured = median(found)
    reached = None
    if found:
        reached = measured >= floor if relation == ">=" else measured <= floor
    return {"what": what, "relation": relation, "floor": floor, "unit": unit,
            "measured": measured, "lowest": min(found, default=None),
            "highest": max(found, default=None), "reached": reached}


# Text

HEAD = ["", "GB/s (min–max)", "CPU s/GB", "rate ÷ nginx", "CPU ÷ nginx", "of limit",
        "source MiB", "dest. MiB"]


def number(value, form, unit=""):
    return "–" if value is None else format(value, form) + unit


def row(title, line):
    if line is None:
        return [title, "failed"] + ["–"] * (len(HEAD) - 2)
    rate, low, high = (line[key] / 1e9 for key in (
        "rate_bytes_per_second", "rate_lowest_bytes_per_second", "rate_highest_bytes_per_second"))
    return [
        title,
        f"{rate:.2f} ({low:.2f}–{high:.2f})",
        number(line["cpu_seconds_per_gigabyte"], ".3f"),
        number(line["rate_ratio_to_nginx_curl"], ".2f", "×"),
        number(line["cpu_ratio_to_nginx_curl"], ".2f", "×"),
        number(line["rate_ratio_to_limit"], ".0%"),
        number(line["source_cached_bytes"] / MIB, ".0f"),
        number(line["destination_cached_bytes"] / MIB, ".0f"),
    ]


def text_table(rows, head=None):
    rows = [head or HEAD] + rows
    widths = [max(map(len, column)) for column in zip(*rows)]
    return "\n".join("  ".join([cells[0].ljust(widths[0])] + [
        cell.rjust(width) for cell, width in zip(cells[1:], widths[1:])]) for cells in rows)


def floor_line(floor, width=44):
    what, sign = floor["what"], {">=": "≥", "<=": "≤"}[floor["relation"]]
    unit = " " * bool(floor["unit"]) + floor["unit"]
    wanted = f"floor {sign} {floor['floor']:.3g}{unit}"
    if floor["measured"] is None:
        return f"  {what:<{width}} not measured{'':<8} {wanted}"
    spread = f"({floor['lowest']:.3f}–{floor['highest']:.3f})"
    return (f"  {what:<{width}} {floor['measured']:.3f}{unit} {spread:<14}  {wanted}  "
            f"{'reached' if floor['reached'] else 'MISSED'}")
