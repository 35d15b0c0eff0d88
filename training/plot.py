"""log.csv -> an SVG picture of the loss curve (drawn by hand: no plotting library needed)."""
import argparse
import csv
import math

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 62, 20, 34, 48
TRAIN, HELD_OUT = "#4477aa", "#cc3311"


def read_log(path, bytes_per_token):
    """Two lists of (training minutes, bits per byte): training, held out."""
    train, held_out = [], []
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            minutes = float(row["training_seconds"]) / 60
            if row["train_nats_per_token"]:
                train.append((minutes, float(row["train_nats_per_token"]) / math.log(2) / bytes_per_token))
            if row["held_out_bits_per_byte"]:
                held_out.append((minutes, float(row["held_out_bits_per_byte"])))
    return train, held_out


def line(x1, y1, x2, y2, colour, more=""):
    return '<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" %s/>' % (x1, y1, x2, y2, colour, more)


def text(x, y, content, anchor="middle", colour="#333", more=""):
    return '<text x="%.1f" y="%.1f" text-anchor="%s" fill="%s" %s>%s</text>' % (x, y, anchor, colour, more, content)


def draw(train, held_out, xz):
    end = max(x for x, _ in train + held_out)
    low = math.floor(min(y for _, y in train + held_out) * 5) / 5
    high = max(3.0, xz + 0.2)
    x_of = lambda x: LEFT + (WIDTH - LEFT - RIGHT) * x / end
    y_of = lambda y: TOP + (HEIGHT - TOP - BOTTOM) * (high - min(y, high)) / (high - low)
    points = lambda data: " ".join("%.1f,%.1f" % (x_of(x), y_of(y)) for x, y in data)
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13">' % (WIDTH, HEIGHT),
           '<title>Loss while training: bits per byte over minutes</title>', '<rect width="100%" height="100%" fill="#fff"/>']
    value = math.ceil(low * 5) / 5
    while value <= high + 1e-9:
        out += [line(LEFT, y_of(value), WIDTH - RIGHT, y_of(value), "#ddd"), text(LEFT - 8, y_of(value) + 4, "%.1f" % value, "end")]
        value += 0.2
    step = next(s for s in (1, 2, 5, 10, 15, 20, 30, 60, 120, 240) if end / s <= 12)
    for minute in range(0, int(end) + 1, step):
        out.append(text(x_of(minute), HEIGHT - BOTTOM + 18, minute))
    out += [line(LEFT, y_of(xz), WIDTH - RIGHT, y_of(xz), "#888", 'stroke-dasharray="5 4"'),
            text(WIDTH - RIGHT - 4, y_of(xz) - 6, "xz -9 on the held-out book: %.2f" % xz, "end", "#666"),
            text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, "minutes of training"),
            text(16, HEIGHT / 2, "bits per byte", more='transform="rotate(-90 16 %.1f)"' % (HEIGHT / 2)),
            '<polyline points="%s" fill="none" stroke="%s" stroke-width="1.2"/>' % (points([p for p in train if p[1] <= high]), TRAIN),
            '<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>' % (points(held_out), HELD_OUT)]
    out += ['<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>' % (x_of(x), y_of(y), HELD_OUT) for x, y in held_out]
    out += [text(LEFT + 10, 22, "training (with dropout)", "start", TRAIN),
            text(LEFT + 180, 22, "held-out book, last %.3f" % held_out[-1][1], "start", HELD_OUT), "</svg>"]
    return "\n".join(out) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("log")
    parser.add_argument("output", help="e.g. docs/training-loss.svg")
    parser.add_argument("--bytes-per-token", type=float, required=True, help="of the training text")
    parser.add_argument("--xz", type=float, required=True, help="bits per byte of xz -9, from evaluate.py")
    args = parser.parse_args()
    with open(args.output, "w", encoding="utf-8", newline="\n") as file:
        file.write(draw(*read_log(args.log, args.bytes_per_token), args.xz))


if __name__ == "__main__":
    main()
