"""The text: Andrew Lang's Fairy Books as a list of stories, the last book held out.

The corpus is one file of paragraphs separated by blank lines; the books follow each other in the
order they are listed in README.md and nothing but the titles of the stories tells where one ends.
"""
import re

END_OF_TEXT = 0
# The first story of the Lilac Fairy Book (1910), the last book of the corpus.
FIRST_HELD_OUT_TITLE = "The Shifty Lad"

# Words that a title in mixed case may hold in lower case.
SMALL_WORDS = set("a an and at by did for from had he in into it of on or out over the to up upon was when "
                  "who whom with would des et de la".split())
# Lines that look like titles but name the source of the story before them.
SOURCE_WORDS = re.compile(r"M[aä]e?h?rchen|Marehen|Bibliotheque|^From |^Nonchalante|^The Yellow Bird$")
ROMAN = re.compile(r"^(CHAPTER )?[IVXL]+\.?$")
FOOTNOTE = re.compile(r" ?[(\[]\d+[)\]]")
SOURCE_NOTE = re.compile(r"^(\[.*\]|\(.*\)|\(\d+\) .*)$")


def is_title(paragraph):
    """True for a paragraph that is the title of a story (not a chapter number, a source or speech)."""
    text = FOOTNOTE.sub("", paragraph).strip()
    if not paragraph[0].isalpha() or len(text) > 75 or "\n" in text:
        return False
    if ROMAN.match(text) or SOURCE_WORDS.search(text):
        return False
    if text.isupper():
        return len(text) > 4
    if text[-1] in ".,;:!?\"'-":
        return False
    words = re.sub(r"\(.*\)", "", text).split()
    return all(word[0].isupper() or word.lower() in SMALL_WORDS for word in words)


def read_stories(path):
    """Stories of the whole corpus in order, each `title, blank line, paragraphs`."""
    with open(path, encoding="utf-8") as file:
        paragraphs = file.read().strip().split("\n\n")
    stories = []
    for paragraph in paragraphs:
        # a title right after a title is the heading of the story's first part
        if not stories or is_title(paragraph) and len(stories[-1]) > 1:
            stories.append([])
        stories[-1].append(paragraph)
    return ["\n\n".join(story) for story in stories]


def split_held_out(stories):
    """(stories to train on, stories of the held-out last book)"""
    titles = [story.split("\n", 1)[0] for story in stories]
    first = titles.index(FIRST_HELD_OUT_TITLE)
    return stories[:first], stories[first:]


def tidy(story):
    """The only change made to training text: footnote marks and source notes such as
    "[From the Danish.]" go, so that a story ends where its tale ends.  Held-out text is never changed."""
    paragraphs = [FOOTNOTE.sub("", p) for p in story.split("\n\n") if not SOURCE_NOTE.match(p)]
    return "\n\n".join(paragraphs)


def training_and_held_out(path):
    """(tidied training stories, untouched held-out stories)"""
    train, held_out = split_held_out(read_stories(path))
    return [tidy(story) for story in train], held_out
