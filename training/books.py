"""More plain narrative English: public-domain books of Project Gutenberg (GITenberg's copies) as clean documents.

Every file is cut to its own text, paragraphs become single lines, and the book is split at its chapters.
Whatever shares a run of 12 words with the held-out Lilac Fairy Book is left out.
"""
import argparse
import glob
import os
import re

from corpus import training_and_held_out

START = re.compile(r"\*\*\* ?START OF.*|\*END\*.?THE SMALL PRINT.*|\*END THE SMALL PRINT.*")
END = re.compile(r"\*\*\* ?END OF|End of (the |this )?Project Gutenberg|END OF (THE |THIS )?PROJECT GUTENBERG")
NOISE = re.compile(r"gutenberg|transcrib|e-?text|illustrat|produced by|copyright|http|\bISBN\b|proofread|\[note|footnote|^\s*\[", re.I)
BACK_MATTER = re.compile(r"^(NOTES AND REFERENCES|FOOTNOTES|APPENDIX|GLOSSARY|NOTES|OYEZ.*|THE END)\.?:?$", re.I)
PLAIN = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2014": "--", "\u2013": "-", "\u2026": "...",
                       "\ufeff": "", "\u00a0": " ", "\t": " ", "_": "", "\u00e6": "ae", "\u0153": "oe"})


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(PLAIN)
    starts = [m.end() for m in START.finditer(text[:40000])]
    text = text[starts[-1] if starts else 0:]
    end = END.search(text, len(text) // 2)
    return text[:end.start()] if end else text


def paragraphs(text):
    """One line each; a verse keeps its lines."""
    out = []
    for block in re.split(r"\n[ ]*\n+", text):
        lines = [line.rstrip() for line in block.split("\n") if line.strip()]
        if not lines:
            continue
        verse = len(lines) > 1 and (max(map(len, lines)) < 52 or sum(line.startswith("  ") for line in lines) > len(lines) / 2)
        joined = ("\n" if verse else " ").join(re.sub(r"\s+", " ", line.strip()) for line in lines)
        if not NOISE.search(joined) and re.search(r"[A-Za-z]", joined):
            out.append(joined)
    return out


def is_heading(paragraph):
    if len(paragraph) > 80:
        return False
    letters = re.sub(r"[^A-Za-z]", "", paragraph)
    return bool(re.match(r"chapter|[IVXL]+\.?( |$)", paragraph, re.I)) and len(letters) < 60 or len(letters) > 3 and letters.isupper()


def chapters(found):
    docs = [[]]
    for p in found:
        if BACK_MATTER.match(p) and sum(map(len, docs[-1])) > 500 and len(docs) > 6:
            break
        if is_heading(p):
            if docs[-1] and not is_heading(docs[-1][-1]):
                docs.append([])
        docs[-1].append(p)
    texts = []
    for doc in docs:
        body = [p for p in doc if not is_heading(p)]
        # contents, prefaces and lists are short or have no sentences
        if sum(map(len, body)) < 1500 or sum(p[-1] in ".!?'\"" for p in body) < 0.6 * len(body):
            continue
        heads = [p for p in doc if is_heading(p) and not re.match(r"(chapter )?[IVXL\d]+\.?$", p, re.I)]
        title = re.sub(r"^(chapter )?[IVXL\d]+[.:]? +", "", heads[-1], flags=re.I) if heads else ""
        texts.append("\n\n".join(([title] if title else []) + body))
    return texts


def runs(text, n=12):
    words = re.findall(r"[a-z]+", text.lower())
    return {hash(tuple(words[i:i + n])) for i in range(len(words) - n + 1)}


def read_texts(path):
    """What main() wrote."""
    with open(path, encoding="utf-8") as file:
        return file.read().split("\0")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("fairy_books", help="the text of the Fairy Books, whose last book is held out")
    parser.add_argument("folder", help="the other books, one .txt each")
    parser.add_argument("output")
    args = parser.parse_args()
    forbidden = runs("\n\n".join(training_and_held_out(args.fairy_books)[1]))
    total, dropped, kept = 0, 0, []
    for path in sorted(glob.glob(os.path.join(args.folder, "*.txt"))):
        texts = chapters(paragraphs(read(path)))
        good = [t for t in texts if len(runs(t) & forbidden) < 3]
        dropped += len(texts) - len(good)
        kept += good
        total += sum(map(len, good))
        print("%-60s %4d texts %8d" % (os.path.basename(path)[:60], len(good), sum(map(len, good))))
    print(total, "characters;", dropped, "texts left out because of the held-out book")
    with open(args.output, "w", encoding="utf-8") as file:
        file.write("\0".join(kept))


if __name__ == "__main__":
    main()
