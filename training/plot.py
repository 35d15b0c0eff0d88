"""probes.csv -> an SVG picture of what the model gets right while it learns (drawn by hand: no plotting library needed)."""
import argparse
import csv

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 52, 140, 20, 48
COLOURS = ("#4477aa", "#cc3311", "#228833", "#aa3377", "#ee7733", "#009988", "#666666")
SHOWN = ("plain-8-known", "pairs-4-known", "pairs-8-known", "recall", "memory", "tools", "json")


def read_probes(paths):
    """name -> [(million tokens, percent)]"""
    curves = {name: [] for name in SHOWN}
    for path in paths:
        with open(path, newline="") as file:
            for row in csv.DictReader(file):
                for column, right in row.items():
                    name, _, count = column.partition("/")
                    if name in curves:
                        curves[name].append((float(row["tokens"]) / 1e6, 100 * float(right) / float(count)))
    return curves


def text(x, y, content, anchor="middle", colour="#333"):
    return '<text x="%.1f" y="%.1f" text-anchor="%s" fill="%s">%s</text>' % (x, y, anchor, colour, content)


def spread(labels, gap=15):
    """Heights of the labels, moved down where they would cover each other."""
    placed, last = {}, -gap
    for y, name in sorted(labels):
        last = placed[name] = max(y, last + gap)
    return placed


def draw(curves):
    end = max(x for curve in curves.values() for x, _ in curve)
    x_of = lambda x: LEFT + (WIDTH - LEFT - RIGHT) * x / end
    y_of = lambda y: TOP + (HEIGHT - TOP - BOTTOM) * (100 - y) / 100
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13">' % (WIDTH, HEIGHT),
           "<title>Right answers over million tokens of training</title>", '<rect width="100%" height="100%" fill="#fff"/>']
    for percent in range(0, 101, 20):
        y = y_of(percent)
        out += ['<line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="#ddd"/>' % (LEFT, y, WIDTH - RIGHT, y), text(LEFT - 8, y + 4, "%d %%" % percent, "end")]
    for millions in range(0, int(end) + 1, 5):
        out.append(text(x_of(millions), HEIGHT - BOTTOM + 18, millions))
    out.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, "million tokens"))
    labels = spread([(y_of(curve[-1][1]), name) for name, curve in curves.items()])
    for (name, curve), colour in zip(curves.items(), COLOURS):
        points = " ".join("%.1f,%.1f" % (x_of(x), y_of(y)) for x, y in curve)
        out += ['<polyline points="%s" fill="none" stroke="%s" stroke-width="1.5"/>' % (points, colour), text(WIDTH - RIGHT + 8, labels[name] + 4, name, "start", colour)]
    return "\n".join(out + ["</svg>"]) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("probes", nargs="+", help="probes.csv, one of each sitting")
    parser.add_argument("output", help="SVG file to write")
    args = parser.parse_args()
    with open(args.output, "w") as file:
        file.write(draw(read_probes(args.probes)))


if __name__ == "__main__":
    main()
