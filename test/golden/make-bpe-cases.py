"""Writes data/tokenizer/bpe_cases.json: what Hugging Face's `tokenizers` (pip install tokenizers==0.23.2) makes of texts, for
small byte-level BPE vocabularies with every kind of normalizer, pre-tokenizer and added token that wkv reads."""

import json
import pathlib

from tokenizers import Tokenizer


def byte_alphabet():
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in printable]
    return {**{b: chr(b) for b in printable}, **{b: chr(256 + i) for i, b in enumerate(rest)}}


ALPHABET = [byte_alphabet()[b] for b in range(256)]
MERGES = [
    ("Ġ", "t"), ("h", "e"), ("Ġt", "he"), ("i", "n"), ("Ġ", "a"), ("l", "l"), ("o", "w"), ("e", "r"), ("Ġ", "Ġ"),
    ("ĠĠ", "ĠĠ"), ("1", "2"), ("12", "3"), ("'", "s"), ("a", "a"), ("aa", "aa"), ("æ", "Ĺ"), ("æĹ", "¥"), ("Ġthe", "r"),
    ("Ċ", "Ċ"), ("H", "e"), ("Â", "ł"), ("he", "ll"), ("hell", "o"), ("Ã", "©"), (".", "."), ("..", "."),
]  # fmt: skip
VOCAB = {token: i for i, token in enumerate(ALPHABET)}
for left, right in MERGES:
    VOCAB[left + right] = len(VOCAB)
FIRST = len(VOCAB)
BASE = {
    "version": "1.0",
    "truncation": None,
    "padding": None,
    "added_tokens": [],
    "normalizer": None,
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
    "post_processor": None,
    "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
    "model": {
        "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None,
        "fuse_unk": False, "byte_fallback": False, "ignore_merges": False, "vocab": VOCAB, "merges": [list(m) for m in MERGES],
    },
}  # fmt: skip
LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def added(content, **flags):
    return {"content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True, **flags}


def tokens(*all_of_them):
    return {"added_tokens": [{"id": FIRST + i, **token} for i, token in enumerate(all_of_them)]}


def split(pattern, behavior="Isolated", invert=False, after=LEVEL):
    kind = "String" if pattern.startswith("=") else "Regex"
    first = {"type": "Split", "pattern": {kind: pattern.removeprefix("=")}, "behavior": behavior, "invert": invert}
    return {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [first, after]}}


def sequence(*first):
    return {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [*first, LEVEL]}}


PREFIX = {"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}}
EOS = added("<|endoftext|>")
CONFIGS = {
    "gpt2": {},
    "add_prefix_space": PREFIX,
    "add_prefix_space with added tokens": {**PREFIX, **tokens(EOS, added("the", special=False))},
    "neox": {"normalizer": {"type": "NFC"}, **tokens(EOS, *(added(" " * n, normalized=True, special=False) for n in range(2, 9)))},
    "lstrip": tokens(added("<m>", lstrip=True)),
    "rstrip": tokens(added("<m>", rstrip=True)),
    "lstrip and rstrip": {**PREFIX, **tokens(added("<m>", lstrip=True, rstrip=True))},
    "rstrip, and tokens of white space": tokens(added("<m>", rstrip=True), added("  ")),
    "single_word": tokens(added("the", single_word=True), added("<m>", single_word=True)),
    "longest added token": tokens(added("<m"), added("<m>"), added("<m><m>")),
    "normalized added tokens": {"normalizer": {"type": "Lowercase"}, **tokens(added("<M>", normalized=True, special=False), added("<m>"))},
    "no pre-tokenizer pattern": {"pre_tokenizer": LEVEL},
    "llama3": {"model": {"ignore_merges": True}, **split(LLAMA3)},
    "o200k": split(O200K),
    "qwen": {"normalizer": {"type": "NFC"}, **split(LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}"))},
    "ignore_merges": {"model": {"ignore_merges": True}},
    **{f"split {b}": split(r"\s+|[.,!?]", b) for b in ["Isolated", "Removed", "Contiguous", "MergedWithPrevious", "MergedWithNext"]},
    "split inverted": split(r"\p{L}+", "Removed", True),
    "split string": split("=he", "MergedWithNext"),
    "split with empty matches": split(r"x*"),
    "look-behind": split(r"(?<=\p{Lu})\p{Ll}+|(?<![a-z ])e|\b\w{2}\b"),
    "lazy, possessive, atomic": split(r"l+?o|\d++|(?>a+)b|a*?h"),
    "classes": split(r"[[:alpha:]&&[^aeiou]]+|[\x{4e00}-\u9fffé\-]+|\h+|[^\S\n]{2,3}|\p{^L}|\p{Han}+"),
    "case": split(r"(?i)HE|(?i:the)s?|K"),
    "anchors": split(r"^.+?$|\A\s|\s\z"),
    "digits one by one": sequence({"type": "Digits", "individual_digits": True}),
    "digits": sequence({"type": "Digits", "individual_digits": False}),
    "punctuation": sequence({"type": "Punctuation", "behavior": "Isolated"}),
    "punctuation contiguous": sequence({"type": "Punctuation", "behavior": "Contiguous"}),
    "whitespace": sequence({"type": "Whitespace"}),
    "whitespace split": sequence({"type": "WhitespaceSplit"}),
    "nfkc, lowercase, strip, prepend": {
        "normalizer": {
            "type": "Sequence",
            "normalizers": [
                {"type": "NFKC"}, {"type": "Lowercase"}, {"type": "Strip", "strip_left": True, "strip_right": True},
                {"type": "Prepend", "prepend": "_"},
            ],
        }
    },
    "replace, accents": {
        "normalizer": {
            "type": "Sequence",
            "normalizers": [
                {"type": "NFD"}, {"type": "StripAccents"}, {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "},
                {"type": "Replace", "pattern": {"String": "."}, "content": "$&.."},
            ],
        }
    },
}  # fmt: skip
TEXTS = [
    "", " ", "the other hello's 1234 in  the   lower.", "\n\n the\r\n\tthe \n ", " leading", "trailing   ", "He'S THE'LL Hello",
    "a<m>b", " a  <m>  the <m><m> x<m>", "<m>", "<M> the<M>", "<|endoftext|>the <|endoftext|>\n", "the,the other,_the the_",
    "\ufeffbom\ufeff in", "nel\u0085nel \u0085 \u0085x", "nbsp\u00a0\u00a0x \u2003y\u2028z\u3000", "café cafe\u0301 ÅÅ ﬁ ½ Ⅻ",
    "日本語 日日\u4e00x", "aaaaaaaaa aab", "12345 ٣٤ ²³ ½", "emoji 👩‍👩‍👧 \U0001f600\u200d!", "a...b!?  ,, (x) -- $5 `+`", "ſaſ'ſ K\u212a σς İi",
    "\u180e\u200b\u1680x", "  \n  \t\n x", "x" * 40, "don't we'll I'm you've", "HelloWorld helloWorld HTTPServer", "tab\tverti\u000bff\u000c.",
]  # fmt: skip

configs = []
for name, patch in CONFIGS.items():
    tokenizer = json.loads(json.dumps({**BASE, **patch, "model": {**BASE["model"], **patch.get("model", {})}}))
    made = Tokenizer.from_str(json.dumps(tokenizer))
    ids = [made.encode(text, add_special_tokens=False).ids for text in TEXTS]
    configs.append({"name": name, "patch": patch, "ids": ids})
target = pathlib.Path(__file__).parent / "data/tokenizer/bpe_cases.json"
lines = ",\n".join(json.dumps(config, separators=(",", ":")) for config in configs)
head = json.dumps({"base": BASE, "texts": TEXTS}, separators=(",", ":"))[:-1]
target.write_text(f'{head},"configs":[\n{lines}\n]}}\n')
