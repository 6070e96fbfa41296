"""bench/replan's picture: replan.py REPORT.json OUT.svg. Readable in print and without colour."""

import html
import json
import sys

W, H, TOP, BOTTOM = 440, 400, 40, 100
DASHES = ["", "8 4", "2 3", "12 3 2 3", "4 4"]


def nice(most):
    step = 10 ** len(str(int(most))) / 10
    while most / step > 6:
        step *= 2
    while most / step < 3:
        step /= 2
    return step


class Panel:
    """Axes from 0 to the largest values, and lines in them."""

    def __init__(self, left, title, x_name, x_max, y_max):
        self.left, self.x_max, self.y_max, self.out = left, x_max * 1.05, y_max * 1.1, []
        self.text(left + 50, TOP - 18, title, size=14)
        for v in self.ticks(self.y_max):
            x, y = self.at(0, v)
            self.out.append(f'<line x1="{x}" x2="{left + W - 20}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ccc"/>')
            self.text(x - 6, y + 4, f"{v:,.10g}", anchor="end")
        for v in self.ticks(self.x_max):
            x, _ = self.at(v, 0)
            self.text(x, H - BOTTOM + 18, f"{v:,.10g}", anchor="middle")
        self.text(left + W / 2, H - BOTTOM + 38, x_name, anchor="middle")

    @staticmethod
    def ticks(most):
        step = nice(most)
        return [k * step for k in range(int(most / step) + 1)]

    def at(self, x, y):
        return (self.left + 50 + x / self.x_max * (W - 70), H - BOTTOM - y / self.y_max * (H - TOP - BOTTOM))

    def text(self, x, y, words, anchor="start", size=12):
        self.out.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{html.escape(words)}</text>')

    def line(self, points, name, k, dots=False):
        at = [self.at(x, y) for x, y in points]
        self.out.append(f'<polyline fill="none" stroke="#036" stroke-width="1.5" stroke-dasharray="{DASHES[k % len(DASHES)]}" points="'
                        + " ".join(f"{x:.1f},{y:.1f}" for x, y in at) + '"/>')
        if dots:
            self.out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in at]
        y = H - BOTTOM + 62 + 18 * k
        self.out.append(f'<line x1="{self.left + 58}" x2="{self.left + 90}" y1="{y - 4}" y2="{y - 4}" stroke="#036" '
                        f'stroke-width="1.5" stroke-dasharray="{DASHES[k % len(DASHES)]}"/>')
        self.text(self.left + 96, y, name)


def main(report_path, out_path):
    with open(report_path, encoding="utf-8") as f:
        report = json.load(f)
    runs, killed = report["runs"], report["killed"]
    last = runs[-1]
    seconds = [(0, 0)] + [(r["services"], r["seconds"]) for r in runs]
    redis = [(r["services"], r["redisBytes"] / 2**20) for r in runs]
    rss = [(r["services"], r["auditPeakKiB"] / 2**10) for r in runs]
    most = max(n for n, _ in seconds)
    panels = [
        Panel(0, "seconds to plan all again", "services", most, max(60, *(s for _, s in seconds))),
        Panel(W, "memory after it, MiB", "services", most, max(v for _, v in redis + rss)),
        Panel(2 * W, "services planned again", "seconds", max(last["seconds"], killed["seconds"]), last["services"]),
    ]
    panels[0].line(seconds, "measured", 0, dots=True)
    panels[0].line([(0, 60), (most, 60)], "goal for 10,000 services", 1)
    panels[1].line(redis, "Redis", 0, dots=True)
    panels[1].line(rss, "audit service, peak", 1, dots=True)
    for k, (run, name) in enumerate([(last, "undisturbed"), (killed, "killed in the middle")]):
        panels[2].line([(ms / 1000, done) for ms, done in run["progressMs"]], name, k)
    with open(out_path, "w", encoding="utf-8") as f:
        f.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{3 * W}" height="{H}" viewBox="0 0 {3 * W} {H}" '
                'font-family="sans-serif"><rect width="100%" height="100%" fill="white"/>\n')
        f.write("\n".join(line for p in panels for line in p.out))
        f.write("\n</svg>\n")


main(*sys.argv[1:])
