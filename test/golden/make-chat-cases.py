"""Fills the ids of test/golden/data/chat/cases.json, whose texts are written by hand, as the authors' files have them:
RWKV-v7/RWKV7-G1x-templates.txt (BlinkDL/RWKV-LM) for World and G1, v2/chat.py (BlinkDL/ChatRWKV) for Raven.

python3 test/golden/make-chat-cases.py GOLDEN     where GOLDEN has ref/ (tokenizers in Python) and tokenizer/
"""
import json
import os
import sys

golden = sys.argv[1]
sys.path.insert(0, os.path.join(golden, "ref"))
from world_tokenizer import WorldTokenizer  # noqa: E402
from neox_bpe import NeoxTokenizer  # noqa: E402

path = os.path.join(os.path.dirname(__file__), "data/chat/cases.json")
world = WorldTokenizer(os.path.join(golden, "tokenizer/rwkv_vocab_v20230424.txt"))
neox = NeoxTokenizer(os.path.join(golden, "tokenizer/20B_tokenizer.json"))
cases = json.load(open(path, encoding="utf-8"))
for case in cases:
    if case["vocab"] == "world":
        case["ids"] = world.encode(case["text"].encode())
    else:
        ids = neox.encode(case["text"])
        case["ids"] = ids[:-1] + [187, 187] if ids[-1] == 535 else ids
with open(path, "w", encoding="utf-8") as file:
    file.write("[\n" + ",\n".join("  " + json.dumps(case, ensure_ascii=False) for case in cases) + "\n]\n")
