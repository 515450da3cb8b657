"""stats_peer.py RECORD [--grr]: the figures of moonrig stats again, from the tables of a record, by scipy, statsmodels
and numpy.  Knows nothing of the program's own arithmetic; writes JSON in the shape of moonrig stats --json."""
import json
import sqlite3
import sys

import numpy as np
from scipy import stats
from statsmodels.stats.diagnostic import normal_ad
from statsmodels.stats.proportion import proportion_confint

Z = stats.norm.ppf(0.975)
db = sqlite3.connect(sys.argv[1])


def share(count, of):
    if of == 0:
        return {"count": count, "of": of}
    low, high = proportion_confint(count, of, method="wilson")
    return {"count": count, "of": of, "share": count / of, "low": low, "high": high}


def yields(runs):
    """runs: (unit, outcome) in the order of time."""
    first, last, tests, ever = {}, {}, {}, {}
    for unit, outcome in runs:
        ever.setdefault(unit, outcome)
        if outcome in ("PASS", "FAIL"):
            first.setdefault(unit, outcome)
            last[unit] = outcome
            tests[unit] = tests.get(unit, 0) + 1
    failed = [u for u in first if first[u] == "FAIL"]
    passed = lambda d: sum(o == "PASS" for o in d.values())
    return {
        "runs": len(runs), "first_pass": share(passed(first), len(first)), "final": share(passed(last), len(first)),
        "retested": share(sum(n > 1 for n in tests.values()), len(first)),
        "recovered": share(sum(last[u] == "PASS" for u in failed), len(failed)),
        "strict_first_pass": share(passed(ever), len(ever))}


def index(middle, down, up, low, high):
    """(both limits, nearer limit) over the spread."""
    sides = [(middle - low) / down] if low is not None else []
    sides += [(high - middle) / up] if high is not None else []
    both = (high - low) / (down + up) if len(sides) == 2 else None
    return both, min(sides) if sides else None


def capability(x, low, high):
    n, out = len(x), {}
    within, overall = np.abs(np.diff(x)).mean() / 1.128, x.std(ddof=1)
    out["cp"], out["cpk"] = index(x.mean(), 3 * within, 3 * within, low, high)
    out["pp"], out["ppk"] = index(x.mean(), 3 * overall, 3 * overall, low, high)
    p = np.quantile(x, [0.00135, 0.5, 0.99865])
    out["pp_percentile"], out["ppk_percentile"] = index(p[1], p[1] - p[0], p[2] - p[1], low, high)
    # Variance of the mean moving range over d2, in sigmas squared: of a half-normal range, and of two with one value in
    # common (0.8264 n - 1.0821 in Cryer and Ryan 1990).
    variance = ((np.pi / 2 - 1) * (n - 1) + (np.sqrt(3) + np.pi / 6 - 2) * (n - 2)) / (n - 1) ** 2
    for name, freedom in (("cpk", 1 / (2 * variance)), ("ppk", n - 1)):
        if out[name] is not None:
            reach = Z * np.sqrt(1 / (9 * n) + out[name] ** 2 / (2 * freedom))
            out[name + "_low"], out[name + "_high"] = out[name] - reach, out[name] + reach
    return {k: v for k, v in out.items() if v is not None}


def violations(x, center, sigma, range_high):
    z, found = (x - center) / sigma, []
    for i in range(len(z)):
        for rule, (count, of, beyond) in enumerate([(1, 1, 3), (2, 3, 2), (4, 5, 1), (8, 8, 0)], 1):
            window = z[max(0, i - of + 1):i + 1]
            if any(s * z[i] > beyond and np.sum(s * window > beyond) >= count for s in (1, -1)):
                found.append({"point": i + 1, "rule": rule})
        if i and abs(x[i] - x[i - 1]) > range_high:
            found.append({"point": i + 1, "rule": "MR"})
    return found


def figures(values, low, high):
    x = np.array([v for v in values if v is not None and np.isfinite(v)])
    out = {"not_finite": len(values) - len(x), "spread": {"n": len(x)}}
    if len(x) == 0:
        return out
    out["spread"].update(mean=x.mean(), min=x.min(), max=x.max())
    if len(x) < 2 or x.std() == 0:
        return out
    ranges = np.abs(np.diff(x)).mean()
    out["spread"].update(moving_range=ranges, sigma_within=ranges / 1.128, sigma_overall=x.std(ddof=1))
    out["capability"] = capability(x, low, high)
    p = np.quantile(x, [0.00135, 0.5, 0.99865])
    out["percentiles"] = {"n": len(x), "low": p[0], "median": p[1], "high": p[2]}
    if len(x) >= 8:
        # The statistic by scipy's logarithms of the tails: statsmodels takes log(1 - cdf), which loses digits.
        d = np.sort(x) - np.median(x)
        z, i = (d - d.mean()) / d.std(ddof=1), np.arange(1, len(x) + 1)
        a = -len(x) - np.mean((2 * i - 1) * (stats.norm.logcdf(z) + stats.norm.logsf(z[::-1])))
        out["normality"] = {"n": len(x), "a_squared": a, "p": normal_ad(d)[1]}
    center, sigma = x.mean(), ranges / 1.128
    out["chart"] = {
        "limits": {"center": center, "sigma": sigma, "low": center - 3 * sigma, "high": center + 3 * sigma,
                   "range_center": ranges, "range_high": 3.267 * ranges},
        "values": list(x[-200:]), "violations": violations(x[-200:], center, sigma, 3.267 * ranges)}
    return out


def statistics():
    runs = db.execute("""SELECT num, unit, outcome FROM run JOIN run_end ON run = num
        WHERE mode = 'production' AND simulated = 0 ORDER BY started_at, num""").fetchall()
    sets, seen = {}, set()
    for num, unit, outcome in runs:
        if outcome not in ("PASS", "FAIL") or unit in seen:
            continue
        seen.add(unit)
        last = dict(db.execute("SELECT name, max(attempt) FROM phase WHERE run = ? GROUP BY name", (num,)))
        for phase, attempt, *row in db.execute("""SELECT p.name, p.attempt, m.name, m.unit, limit_min, limit_max, m.num
                FROM measurement m JOIN phase p ON p.run = m.run AND p.seq = m.phase
                WHERE m.run = ? AND m.type IN ('float', 'integer') ORDER BY m.seq""", (num,)):
            if attempt == last[phase]:
                sets.setdefault(tuple(row[:4]), []).append(row[4])
    return {"procedures": [{"yield": yields([r[1:] for r in runs]), "measurements": [
        {"name": name, **figures(values, low, high)} for (name, _, low, high), values in sets.items()]}]}


def gage():
    import pandas as pd
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    data = pd.DataFrame(db.execute("""SELECT run.unit, operator, m.num FROM run JOIN measurement m ON m.run = run.num
        ORDER BY run.num""").fetchall(), columns=["part", "who", "y"])
    p, a = data.part.nunique(), data.who.nunique()
    r = len(data) // (p * a)
    full = anova_lm(ols("y ~ C(part) * C(who)", data).fit())
    rows = {"parts": "C(part)", "appraisers": "C(who)", "interaction": "C(part):C(who)", "repeatability": "Residual"}
    table = {k: {"squares": full.sum_sq[v], "freedom": full.df[v], "mean": full.mean_sq[v]} for k, v in rows.items()}
    table["interaction"].update(f=full.F["C(part):C(who)"], p=full["PR(>F)"]["C(part):C(who)"])
    pooled = bool(table["interaction"]["p"] > 0.05)
    if pooled:
        short = anova_lm(ols("y ~ C(part) + C(who)", data).fit())
        error = base = short.mean_sq["Residual"]
        for k, v in (("parts", "C(part)"), ("appraisers", "C(who)")):
            table[k].update(f=short.F[v], p=short["PR(>F)"][v])
    else:
        error, base = table["repeatability"]["mean"], table["interaction"]["mean"]
        for k in ("parts", "appraisers"):
            f = table[k]["mean"] / base
            table[k].update(f=f, p=stats.f.sf(f, table[k]["freedom"], table["interaction"]["freedom"]))
    v = {"repeatability": error, "interaction": 0 if pooled else (base - error) / r,
         "appraisers": max(0, (table["appraisers"]["mean"] - base) / (p * r)),
         "parts": max(0, (table["parts"]["mean"] - base) / (a * r))}
    v["reproducibility"] = v["appraisers"] + v["interaction"]
    v["grr"] = v["repeatability"] + v["reproducibility"]
    v["total"] = v["grr"] + v["parts"]
    return {"studies": [{"grr": {
        "parts": p, "appraisers": a, "trials": r, "pooled": pooled, "anova": table,
        "ndc": int(1.41 * np.sqrt(v["parts"] / v["grr"])),
        "sources": {k: {"variance": x, "sigma": np.sqrt(x), "contribution": x / v["total"],
                        "study": np.sqrt(x / v["total"])} for k, x in v.items()}}}]}


json.dump(gage() if "--grr" in sys.argv else statistics(), sys.stdout, default=float)
