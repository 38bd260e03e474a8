#!/usr/bin/env python3
"""Draws what thresholds serve and how much of it is wrong, from the lines that `nearhit-bench replay` prints.

    plot_thresholds.py replay.jsonl [more.jsonl...] > docs/thresholds.svg

One panel for each protocol: the share of requests that hit, and the share of these that are wrong.
"""

import json
import sys

WIDTH, HEIGHT, LEFT, TOP, GAP = 300, 220, 52, 34, 46
COLORS = {"hit_rate": "#1f6fb2", "error_rate_of_hits": "#c23b22"}
NAMES = {"hit_rate": "of requests: hits", "error_rate_of_hits": "of hits: wrong"}
TITLES = {"pairs": "each pair alone", "cache_on_miss": "stream, stored on a miss", "insert_always": "stream, always stored"}


def read(paths):
    panels = {}
    for path in paths:
        with open(path, encoding="utf-8") as file:
            for line in file:
                point = json.loads(line)
                panels.setdefault(point["protocol"], []).append(point)
    return {protocol: sorted(points, key=lambda p: p["threshold"]) for protocol, points in panels.items()}


def draw(panels):
    lowest = min(points[0]["threshold"] for points in panels.values())
    highest = max(points[-1]["threshold"] for points in panels.values())
    width = LEFT + len(panels) * (WIDTH + GAP)
    height = TOP + HEIGHT + 56
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="12">',
           f'<rect width="{width}" height="{height}" fill="white"/>']
    for number, (protocol, points) in enumerate(panels.items()):
        x0 = LEFT + number * (WIDTH + GAP)
        at = lambda threshold: x0 + (threshold - lowest) / (highest - lowest) * WIDTH
        up = lambda share: TOP + (1 - share) * HEIGHT
        out.append(f'<text x="{x0}" y="20" font-weight="bold">{TITLES.get(protocol, protocol)}</text>')
        for share in (0, 0.25, 0.5, 0.75, 1):
            out.append(f'<line x1="{x0}" x2="{x0 + WIDTH}" y1="{up(share):.1f}" y2="{up(share):.1f}" stroke="#ddd"/>')
            out.append(f'<text x="{x0 - 6}" y="{up(share) + 4:.1f}" text-anchor="end">{round(100 * share)} %</text>')
        for point in points:
            if round(100 * point["threshold"]) % 5 == 0 or point is points[-1]:
                out.append(f'<text x="{at(point["threshold"]):.1f}" y="{TOP + HEIGHT + 18}" text-anchor="middle">'
                           f'{point["threshold"]:g}</text>')
        for field, color in COLORS.items():
            line = " ".join(f'{at(p["threshold"]):.1f},{up(p[field]):.1f}' for p in points)
            out.append(f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="2"/>')
            out += [f'<circle cx="{at(p["threshold"]):.1f}" cy="{up(p[field]):.1f}" r="3" fill="{color}"/>' for p in points]
    for number, (field, color) in enumerate(COLORS.items()):
        x = LEFT + number * 160
        out.append(f'<line x1="{x}" x2="{x + 20}" y1="{height - 14}" y2="{height - 14}" stroke="{color}" stroke-width="3"/>')
        out.append(f'<text x="{x + 26}" y="{height - 10}">{NAMES[field]}</text>')
    out.append("</svg>")
    return "\n".join(out)


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    print(draw(read(sys.argv[1:])))
