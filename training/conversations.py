"""Documents for training: conversations as the templates `world` and `g1` of wkv write them, made up without end.

A document is a list of (class, text).  The class says how much the loss of its tokens counts:
0 nothing, 1 a little (what users say), 2 fully (answers); 3 is for books, fully too.  `meta` describes the last answer, for evaluation.
"""
import json
import re

import facts as F
from words import COINS, COLOURS, DAYS, HELD, MONTHS, NUMBERS, TOWNS, WHOLE, WORDS, Words, article, plural, upper_first

UNKNOWN = "I do not know."
THINK = {"on": "", "a bit": " (think a bit)", "a lot": " (think a lot)"}


def bullets(lines):
    """A list: after a dash a word is the same token as within a sentence, at the beginning of a line it is another."""
    return "\n".join("- " + line for line in lines)


class Doc:
    def __init__(self, kind):
        self.parts, self.kind, self.meta = [], kind, {}

    def system(self, text):
        self.parts.append((1, "System: %s\n\n" % text))

    def user(self, text):
        self.parts.append((1, "User: %s\n\n" % text))

    def unread(self):
        """What users say counts nothing: long pieces of the books would be learnt by heart."""
        self.parts = [(0 if c == 1 else c, text) for c, text in self.parts]
        return self

    def assistant(self, answer, **meta):
        self.parts += [(1, "Assistant:"), (2, " " + answer + "\n\n")]
        self.meta = dict(answer=answer, opening="", **meta)

    def tale(self, text, **meta):
        """An answer that is a piece of a book, and is learnt as books are."""
        self.parts += [(1, "Assistant:"), (3, " " + text + "\n\n")]
        self.meta = dict(answer=text, opening="", **meta)

    def thinking(self, thought, answer, asked, **meta):
        """With a thought.  Where nothing asked for one, the model must not learn to begin one of its own accord."""
        self.parts += [(1, "Assistant:"), (1 if asked else 0, " <think"), (2, ">\n%s\n</think>\n%s\n\n" % (thought, answer))]
        self.meta = dict(answer=answer, opening=" <think", **meta)

    def fake(self, answer, **meta):
        self.parts += [(1, "Assistant:"), (0, " <think>\n</think"), (2, ">\n%s\n\n" % answer)]
        self.meta = dict(answer=answer, opening=" <think>\n</think", **meta)

    def called(self, calls):
        """The call that a system asks for: the fence is opened by the prompt or by the model."""
        text = json.dumps(calls[0] if len(calls) == 1 else calls, separators=(",", ":"), ensure_ascii=False)
        return "```json\n%s\n```" % text

    def prompt(self):
        """The text before the last answer."""
        parts = [text for _, text in self.parts[:-1]]
        return "".join(parts)


EVERYTHING = dict(recall=0.24, needle=0.07, pairs=0.12, hops=0.10, memory=0.07, small_talk=0.05, tools=0.09, extract=0.06, strings=0.13, sums=0.12,
                  counting=0.06, story=0.03, echo=0.03)


class Maker:
    def __init__(self, rng, prose, held=False):
        """prose: tells texts (lists of paragraphs) to take sentences and stories from"""
        self.rng, self.w, self.prose = rng, Words(rng, held), prose
        self.layout, self.prose_size = None, None  # evaluation sets them: one question in this layout, so much prose
        self.whole = [x for i, x in enumerate(WHOLE) if (i % HELD == HELD - 1) == held]
        self.choose(EVERYTHING)

    def choose(self, mix, facts=40, characters=None, prose_size=None):
        """Shares of the kinds of documents; at most so many facts and characters in one."""
        self.makers, self.shares = [getattr(self, kind) for kind in mix], list(mix.values())
        self.facts, self.characters, self.prose_size = facts, characters, prose_size

    def document(self):
        """One that keeps to the limits: others are thrown away."""
        if not self.w.held:
            self.w.fresh()
        while True:
            doc = self.rng.choices(self.makers, self.shares)[0]()
            if doc.meta.get("n_facts", 0) <= self.facts and (self.characters is None or sum(len(t) for _, t in doc.parts) <= self.characters):
                break
        if self.rng.random() < 0.03:
            self.spoil(doc)
        return doc

    # --- pieces

    def chance(self, p):
        return self.rng.random() < p

    def sentences(self, tokens):
        """About so many tokens of a fairy tale, in one line."""
        out, size = [], 0
        while size < tokens:
            text = self.w.one(self.prose)
            at = int(self.rng.random() * len(text))
            for p in text[at:at + 6]:
                if "\n" in p or re.match(r"(User|Assistant|System)\b", p):
                    continue
                if size + len(p) / 4 > tokens * 1.3 + 20:
                    p = p[:int((tokens - size) * 4) + 40]
                    p = p[:max(p.rfind(". "), p.rfind("; "), p.rfind(", "), 20) + 1].strip()
                out.append(p)
                size += len(p) / 4
                if size >= tokens:
                    break
        return out

    def questions(self, facts, count):
        """(question, answer, fact or None): about what is said, now and then about what is not."""
        out, seen = [], set()
        for _ in range(count * 3):
            fact = self.w.one(facts)
            if self.chance(0.1):
                q = fact.missing(self.w.name(), self.w.thing())
                core = re.sub(r"^(.*?)\b(is|does|the|of|are)\b ", "", q.rstrip("?"))
                if any(core.split("'s")[0].lower() in f.said.lower() for f in facts):
                    continue
                out.append((q, UNKNOWN, None))
            else:
                q, short, whole = self.w.one(fact.asked)
                if q.lower() in seen or not F.unambiguous(fact, q, short, facts):
                    continue
                seen.add(q.lower())
                if self.chance(0.08):
                    q, short = q[:-1] + "? Answer in a whole sentence." if self.chance(0.5) else "Answer in a whole sentence. " + q, whole
                out.append((q, short, fact))
            if len(out) == count:
                break
        return out

    def arranged(self, material, question):
        """Question and material as `arrange` of wkv puts them.  -> text, layout"""
        bounds = {"question-last": 0, "question-first": 0.5, "read-twice": 0.8}
        x = self.rng.random() if self.layout is None else bounds[self.layout]
        if x < 0.42:
            joint = " " if "\n" not in material and self.chance(0.3) and question.endswith("?") else "\n"
            return material + joint + question, "question-last"
        if x < 0.76:
            return question + "\n" + material, "question-first"
        if x < 0.86:
            return material + "\n" + question + "\n" + material + "\n" + question, "read-twice"
        if x < 0.94:
            return question + "\n" + material + "\n" + question + "\n" + material, "first-and-twice"
        return question + "\n" + material + "\n" + question, "before-and-after"

    def ask(self, doc, material, asked, n_facts):
        """The first question comes with the material, the others after it."""
        for i, (q, a, fact) in enumerate(asked):
            text, layout = self.arranged(material, q) if i == 0 else (q, "question-last")
            meta = dict(layout=layout, n_facts=n_facts, fact=fact.said if fact else "")
            last = i == len(asked) - 1
            if last and fact and self.chance(0.12):
                mode = self.w.one(tuple(THINK))
                doc.user(text + THINK[mode])
                doc.thinking("The text says: " + fact.said, a, mode != "on", **meta)
            elif last and self.chance(0.07):
                doc.user(text)
                doc.fake(a, **meta)
            else:
                doc.user(text)
                doc.assistant(a, **meta)
        return doc

    def lead(self):
        return self.w.one(("Read this.", "Here is what I know.", "Listen.", "Some notes:", "Here is a report.", "Facts:", "What was said at the market:"))

    # --- looking things up

    def recall(self):
        """Facts, and questions about them; sometimes prose in between."""
        rng = self.rng
        x = rng.random()
        n = rng.randint(1, 4) if x < 0.3 else rng.randint(3, 10) if x < 0.65 else rng.randint(8, 20) if x < 0.88 else rng.randint(18, 40)
        found = F.distinct(self.w, n)
        lines = [f.said for f in found]
        if self.chance(0.25):
            # prose between some of the facts
            for _ in range(rng.randint(1, 3)):
                lines.insert(rng.randint(0, len(lines)), " ".join(self.sentences(rng.randint(15, 60))))
        joint = " " if self.chance(0.55) else "\n" if self.chance(0.7) else "\n- "
        material = ("- " if joint == "\n- " else "") + joint.join(lines)
        if self.chance(0.15):
            material = self.lead() + "\n" + material
        count = 1 if self.layout or self.chance(0.15) else min(12, len(found))
        return self.ask(Doc("recall"), material, self.questions(found, count) or self.questions(found, 1) or [(UNKNOWN, UNKNOWN, None)], len(found))

    def needle(self):
        """A few facts in a long piece of a fairy tale."""
        rng = self.rng
        size = self.prose_size or rng.choice((60, 100, 150, 250, 400, 600, 900, 1300))
        # while learning the more of them the longer the piece: with one in a thousand tokens there is little to learn from
        n = rng.randint(1, 4) if self.layout else rng.randint(1, 4 + size // 100)
        found = F.distinct(self.w, n, None if self.chance(0.7) else (F.code, F.located, F.owner))
        prose = self.sentences(size)
        for f in found:
            at = rng.randint(0, len(prose))
            if at < len(prose) and self.chance(0.6):
                cut = [m.end() for m in re.finditer(r"[.!?] ", prose[at])]
                if cut:
                    c = self.w.one(cut)
                    prose[at] = prose[at][:c] + f.said + " " + prose[at][c:]
                    continue
            prose.insert(at, f.said)
        material = ("\n" if self.chance(0.6) else " ").join(prose)
        asked = self.questions(found, 1 if self.layout else n) or self.questions(found, 1) or [(UNKNOWN, UNKNOWN, None)]
        doc = Doc("needle")
        if not self.layout and len(material) > 1600 and self.chance(0.5):
            # long material is mostly read with the question before it
            q, a, fact = asked[0]
            doc.user(q + "\n" + material)
            doc.assistant(a, layout="question-first", n_facts=n, fact=fact.said if fact else "")
            return self.more(doc, asked[1:], n).unread()
        return self.ask(doc, material, asked, n).unread()

    def more(self, doc, asked, n):
        for q, a, fact in asked:
            doc.user(q)
            doc.assistant(a, layout="question-last", n_facts=n, fact=fact.said if fact else "")
        return doc

    def pairs(self):
        """Many keys and values, all alike: associative recall."""
        rng, w = self.rng, self.w
        n = rng.choice([n for n in (2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 26, 32, 40) if n <= self.facts])
        kinds = (w.name, lambda: w.one(WORDS), lambda: w.one(w.objects), w.code, lambda: w.one(w.animals), lambda: w.digits(2), lambda: w.made_up(2), w.any_word, lambda: w.one(self.whole))
        make_key, make_value = w.one(kinds), w.one(kinds + (lambda: w.digits(4), w.code))
        table = {}
        for _ in range(n * 3):
            table.setdefault(make_key(), make_value())
            if len(table) == n:
                break
        style, joint = w.one((("%s = %s", "\n"), ("%s: %s", "\n"), ("%s -> %s", "\n"), ("%s = %s", "; "), ("%s is %s", ". "), ("%s: %s", ", "), ("The value of %s is %s", ". ")))
        items = [style % pair for pair in table.items()]
        material = joint.join(items) + ("." if joint == ". " else "")
        if self.chance(0.3):
            material = w.one(("Table:", "Register:", "Here is a list of pairs.", "Learn these pairs.")) + "\n" + material
        form = w.one(("What is the value of %s?", "%s?", "What belongs to %s?", "Look up %s. What is it?", "Which value has %s?"))
        asked, doc = [], Doc("pairs")
        values = list(table.values())
        # mostly every key: the same material teaches more
        for key in w.some(list(table), 1 if self.layout else len(table) if self.chance(0.5) else rng.choice((1, 1, 2, 3, 4, 6, 8))):
            asked.append((form % key, table[key] + ".", F.Fact(style % (key, table[key]), [], (), None)))
        if self.chance(0.1):
            # the other way round
            back = [k for k, v in table.items() if values.count(v) == 1]
            if back:
                key = w.one(back)
                asked = [("Whose value is %s?" % table[key], key + ".", F.Fact(style % (key, table[key]), [], (), None))]
        if not self.layout and self.chance(0.08):
            key = make_key()
            if key not in table:
                asked.append((form % key, UNKNOWN, None))
        return self.ask(doc, material, asked, len(table))

    def simple(self, n=None, whole=False):
        """Look-up and nothing else: one form, words of one token that are written alike wherever they are, every key asked for."""
        n = n or self.rng.randint(2, min(self.facts, 12))
        words, doc = self.rng.sample(self.whole, 2 * n), Doc("simple")
        table = dict(zip(words[:n], words[n:]))
        material = " ".join("The value of %s is %s." % pair for pair in table.items())
        for i, key in enumerate(self.rng.sample(list(table), n)):
            doc.user((material + "\n" if i == 0 else "") + "What is the value of %s?" % key + (" Answer in a whole sentence." if whole else ""))
            doc.assistant(("The value of %s is %s." % (key, table[key])) if whole else table[key] + ".", n_facts=n)
        return doc

    def sentence(self):
        """An answer's last word follows the very tokens that it followed in the material."""
        return self.simple(whole=True)

    DRILLS = (("", "", ","), ("", "", ","), ("", " is", "."), ("", " =", ";"), (" The value of", " is", "."))

    def drill(self):
        """Pairs, and the same pairs in another order: the value has to follow its key again.  No question, nothing to understand."""
        n = self.rng.randint(2, min(self.facts, 12))
        before, between, after = self.w.one(self.DRILLS)
        words, doc = self.rng.sample(self.whole, n), Doc("drill")
        table = [(w, self.w.any_word() if self.chance(0.2) else self.w.one(self.whole)) for w in words]
        doc.parts = [(1, "".join("%s %s%s %s%s" % (before, k, between, v, after) for k, v in table) + "\n")]
        for k, v in self.rng.sample(table, n):
            doc.parts += [(1, "%s %s%s" % (before, k, between)), (2, " " + v), (1, after)]
        doc.parts.append((1, "\n\n"))
        doc.meta = dict(n_facts=n)
        return doc

    # How a pair is written: before the key, between key and value, after the value.  At the beginning of a line and in quotes a word
    # is another token than after a space.
    FORMS = ((" ", " ", ","), ("", " = ", "\n"), ("", ": ", "\n"), ("- ", ": ", "\n"), (" ", " is ", "."), (' "', '":"', '",'), (" ", ' "', '";'), ("", "\n", "\n\n"),
             (" The ", " of ", "."), (" ", "'s ", "."), (" ", " -> ", ","))

    def tables(self):
        """Pairs of words of all sorts, and again in another order and mostly in another form: names of many tokens are copied."""
        rng, w = self.rng, self.w
        sorts = (lambda: w.one(self.whole), w.any_word, w.name, lambda: w.one(w.objects), lambda: w.one(w.animals), lambda: w.one(w.spots), lambda: w.one(w.places),
                 w.code, lambda: w.one(TOWNS), lambda: w.one(w.trades), lambda: w.one(w.foods), lambda: w.one(COLOURS))
        n, key, value, table, doc = rng.randint(2, min(self.facts, 10)), w.one(sorts[:6]), w.one(sorts), {}, Doc("tables")
        for _ in range(n * 3):
            table.setdefault(key(), value())
            if len(table) == n:
                break
        before, between, after = w.one(self.FORMS)
        text = "".join(before + k + between + v + after for k, v in table.items()) + "\n"
        if self.chance(0.7):
            before, between, after = w.one(self.FORMS)
        for k in rng.sample(list(table), len(table)):
            text += before + k + between.rstrip(" ")
            # the space belongs to the value's first token
            doc.parts += [(1, text), (2, between[len(between.rstrip(" ")):] + table[k])]
            text = after
        doc.parts.append((1, text + "\n\n"))
        doc.meta = dict(n_facts=len(table))
        return doc

    def hops(self):
        """Things that go from hand to hand, and two facts that make a third."""
        rng, w = self.rng, self.w
        doc, kind = Doc("hops"), rng.random()
        if kind < 0.6:
            people = w.distinct_names(rng.randint(3, 7))
            things = list(dict.fromkeys(w.thing() for _ in range(rng.randint(1, 3))))
            holder, lines, path = {}, [], {t: [] for t in things}
            for t in things:
                holder[t] = w.one(people)
                path[t].append(w.one(("%s had the %s.", "At first %s owned the %s.", "%s found the %s.")) % (holder[t], t))
                lines.append(path[t][0])
            for _ in range(rng.randint(1, 6)):
                t = w.one(things)
                to = w.one([p for p in people if p != holder[t]])
                say = w.one(("%s gave the %s to %s.", "Then %s gave the %s to %s.", "%s sold the %s to %s.", "Later %s lent the %s to %s.")) % (holder[t], t, to)
                holder[t] = to
                path[t].append(say)
                lines.append(say)
                if self.chance(0.15):
                    lines.append(" ".join(self.sentences(20)))
            for t, said in path.items():
                if len(said) > 1 and not w.held and self.chance(0.3):
                    lines.remove(said.pop(0))  # who had it first is not said
            t = w.one(things)
            q, a = w.one(("Who has the %s now?", "Who has the %s at the end?", "In whose hands is the %s now?")) % t, holder[t] + "."
            thought, n, fact = bullets(path[t]) + "\nSo %s has it." % holder[t], len(lines), path[t][-1]
        else:
            people = w.distinct_names(rng.randint(3, 6))
            places = w.some(w.places, len(people))
            things = w.some(w.objects, len(people))
            first = ["The %s belongs to %s." % (t, p) for t, p in zip(things, people)]
            second = ["%s lives in the %s." % (p, x) for p, x in zip(people, places)]
            lines = first + second
            rng.shuffle(lines)
            i = rng.randrange(min(len(people), len(places), len(things)))
            if self.chance(0.5):
                q, a = "Where does the owner of the %s live?" % things[i], "in the %s." % places[i]
                thought = bullets((first[i], second[i]))
            else:
                q, a = "What belongs to the one who lives in the %s?" % places[i], "the %s." % things[i]
                thought = bullets((second[i], first[i]))
            n, fact = len(lines), first[i]
        text, layout = self.arranged((" " if self.chance(0.6) else "\n").join(lines), q)
        meta = dict(layout=layout, n_facts=n, fact=fact)
        if self.chance(0.5):
            mode = w.one(tuple(THINK))
            doc.user(text + THINK[mode])
            doc.thinking(thought, a, mode != "on", **meta)
        else:
            doc.user(text)
            (doc.fake if self.chance(0.1) else doc.assistant)(a, **meta)
        return doc

    def echo(self):
        """No conversation: a text that says something again that it said before."""
        rng = self.rng
        found = F.distinct(self.w, rng.randint(1, 6))
        lines = self.sentences(rng.choice((20, 60, 150, 400)))
        for f in found:
            lines.insert(rng.randint(0, len(lines)), f.said)
        joint = " " if self.chance(0.6) else "\n\n"
        doc, f = Doc("echo"), self.w.one(found)
        doc.parts = [(1, joint.join(lines) + joint + self.w.one(("As was said before:", "Once more:", "Remember:", "It was written:"))), (2, " " + f.said + "\n\n")]
        doc.meta = dict(answer=f.said, opening="", layout="question-last", n_facts=len(found), fact=f.said)
        return doc

    # --- talking

    TALK = (
        (("Hello!", "Hi", "Hello there.", "Good day!", "Hi, how are you?", "Hello, little model.", "Good morning."), ("Hello! What shall we look at?", "Good day! Ask me something, or let me tell you a story.", "Hello! How can I help?")),
        (("Who are you?", "What are you?", "Tell me about yourself.", "What is your name?", "Introduce yourself."), ("I am the small model that lives in the box of wkv. I tell fairy tales and look things up in what you give me.",)),
        (("What can you do?", "How can you help me?", "What are you good at?", "What do you know?"), ("I can tell a story, find things in a text, remember what you told me, do small sums and write JSON.",)),
        (("Are you a person?", "Are you human?", "Are you a computer?"), ("No. I am a small language model of the RWKV family.", )),
        (("Who made you?", "Where do you come from?", "Who trained you?"), ("I was trained by the makers of wkv, on old fairy tales and made-up talk.",)),
        (("How big are you?", "How many parameters do you have?", "Are you large?"), ("I am very small: a few million parameters.",)),
        (("What is RWKV?", "What does RWKV mean?", "Tell me about RWKV."), ("RWKV is a recurrent network that reads a text word by word and keeps a memory of constant size.",)),
        (("What is your memory like?", "Do you have a long memory?", "Can you forget?"), ("My memory has a constant size, so small details far back may be lost.",)),
        (("Thank you!", "Thanks.", "Thank you very much.", "That was helpful."), ("You are welcome!",)),
        (("Goodbye!", "Bye.", "Good night.", "See you tomorrow."), ("Goodbye! Come back soon.",)),
        (("What is the weather like today?", "What day is it today?", "Who won the game yesterday?", "What is in the news?", "Who is the president?", "What is the capital of the moon?", "How tall is the highest building?", "What did I eat yesterday?"), ("I do not know. I only know fairy tales and what you tell me.",)),
        (("Do you like fairy tales?", "What do you like?", "What is your favourite story?"), ("I like fairy tales best, with kings, foxes and talking birds.",)),
        (("Can you speak French?", "Which languages do you speak?", "Do you speak German?"), ("I speak only English.",)),
        (("Are you always right?", "Can I trust you?", "Do you make mistakes?"), ("No. I am small and make mistakes, so check what I say.",)),
        (("You are wrong.", "That is not right.", "That is false."), ("I am sorry. Please tell me what is right.",)),
    )

    def small_talk(self):
        doc = Doc("talk")
        if self.chance(0.25):
            doc.system(self.w.one(("You are brief.", "Be brief.", "You are a friendly helper.", "You tell fairy tales.", "You are the model in the box of wkv.", "You are helpful.")))
        for _ in range(self.rng.choice((1, 1, 2, 3))):
            said, answers = self.w.one(self.TALK)
            q = self.w.one(said)
            if self.chance(0.1):
                q = q.lower()
            doc.user(q)
            (doc.fake if self.chance(0.05) else doc.assistant)(self.w.one(answers), layout="question-last", n_facts=0, fact="")
        return doc

    def own(self):
        """(what the user says of himself, the acknowledgement, [questions], answer)"""
        w = self.w
        name, thing, n = w.name(), w.one(w.objects), str(w.rng.randint(3, 90))
        c, a, t, f, tr = w.one(COLOURS), w.one(w.animals), w.one(TOWNS), w.one(w.foods), w.one(w.trades)
        return w.one((
            ("name", w.one(("My name is %s.", "I am %s.", "Hello, I am called %s.", "Hi, my name is %s.")) % name, "Nice to meet you, %s!" % name, ("What is my name?", "Who am I?", "Do you remember my name?"), name + "."),
            ("age", w.one(("I am %s years old.", "My age is %s.")) % n, "I will remember that.", ("How old am I?", "What is my age?"), n + "."),
            ("colour", w.one(("My favourite colour is %s.", "I like the colour %s best.")) % c, "That is a fine colour.", ("What is my favourite colour?", "Which colour do I like?"), c + "."),
            ("pet", "I have %s called %s." % (article(a), name), "What a nice name!", ("What is the name of my %s?" % a, "How is my %s called?" % a), name + "."),
            ("town", w.one(("I live in %s.", "I come from %s.")) % t, "I will remember that.", ("Where do I live?" , "Which town did I name?"), t + "."),
            ("food", "I like %s." % f, "That sounds good.", ("What do I like to eat?", "Which food do I like?"), f + "."),
            ("trade", "I am %s." % article(tr), "That is honest work.", ("What is my trade?", "What do I work as?"), article(tr) + "."),
            ("thing", "I put my %s %s." % (thing, (spot := w.one(w.spots))), "I will remember that.", ("Where is my %s?" % thing, "Where did I put my %s?" % thing), spot + "."),
            ("code", "Please remember the number %s." % (d := w.digits(w.rng.randint(2, 5))), "I will remember that.", ("What number was it?", "Which number did I tell you?", "What is the number?"), d + "."),
        ))

    def memory(self):
        """The user says things about himself, talks of others, and asks for them later."""
        doc, w, rng = Doc("memory"), self.w, self.rng
        told, asked = {}, set()
        for _ in range(rng.randint(3, 10)):
            x = rng.random()
            open_ = [k for k in told if k not in asked]
            if x < 0.4 or not told:
                key, said, ack, qs, a = self.own()
                if key in told:
                    continue
                told[key] = (said, qs, a)
                doc.user(said)
                doc.assistant(ack, layout="question-last", n_facts=len(told), fact="")
            elif x < 0.75 and open_:
                key = w.one(open_)
                said, qs, a = told[key]
                if self.chance(0.7):
                    asked.add(key)
                doc.user(w.one(qs))
                doc.assistant(a, layout="question-last", n_facts=len(told), fact=said)
            elif x < 0.82:
                key, said, ack, qs, a = self.own()
                if key in told or key == "thing" or key == "pet" and "pet" in told:
                    continue
                doc.user(w.one(qs))
                doc.assistant(UNKNOWN + " You have not told me.", layout="question-last", n_facts=len(told), fact="")
            else:
                said, answers = w.one(self.TALK[2:])
                doc.user(w.one(said))
                doc.assistant(w.one(answers), layout="question-last", n_facts=len(told), fact="")
        if told and rng.random() < 0.8:
            key = w.one(list(told))
            said, qs, a = told[key]
            doc.user(w.one(qs))
            doc.assistant(a, layout="question-last", n_facts=len(told), fact=said)
        return doc

    # --- tools and JSON

    def toolbox(self):
        """name -> (description, [(argument, type, required)], maker of (what the user asks, arguments, result, answer))"""
        w, rng = self.w, self.rng
        n = lambda a, b: rng.randint(a, b)

        def weather():
            t, d = w.one(TOWNS) if self.chance(0.7) else w.made_up(), n(2, 7)
            sky, deg = w.one(("sunny", "rainy", "cloudy", "windy", "snowy", "foggy")), n(-5, 35)
            if self.chance(0.3):
                return w.one(("How will the weather be in %s for the next %d days?", "Tell me the weather of %s for %d days.")) % (t, d), {"city": t, "days": d}, {"sky": sky, "degrees": deg}, "It is %s in %s, %d degrees." % (sky, t, deg)
            return w.one(("How is the weather in %s?", "What is the weather like in %s?", "Is it raining in %s?", "Weather in %s?", "%s: what weather?")) % t, {"city": t}, {"sky": sky, "degrees": deg}, "It is %s in %s, %d degrees." % (sky, t, deg)

        def add():
            a, b, = n(2, 9999), n(2, 9999)
            return w.one(("What is %d plus %d?", "Add %d and %d.", "How much is %d + %d?")) % (a, b), {"a": a, "b": b}, {"sum": a + b}, "The sum is %d." % (a + b)

        def time():
            t, h, m = w.one(TOWNS), n(0, 23), n(0, 59)
            return w.one(("What time is it in %s?", "How late is it in %s?", "Tell me the time in %s.")) % t, {"city": t}, {"time": "%02d:%02d" % (h, m)}, "It is %02d:%02d in %s." % (h, m, t)

        def find():
            o, s = w.one(w.objects), w.one(w.spots)
            return w.one(("Where is the %s?", "Find the %s.", "I cannot find the %s.", "Search for the %s.")) % o, {"thing": o}, {"place": s}, "The %s is %s." % (o, s)

        def send():
            p, text = w.name(), w.one(("come home", "dinner is ready", "the king is here", "wait for me", "bring bread", "the gate is open", "good night"))
            return w.one(("Tell %s: %s.", "Send %s the message: %s.", "Write to %s: %s.")) % (p, text), {"to": p, "text": text}, {"sent": True}, "The message to %s is on its way." % p

        def light():
            r, on = w.one(("kitchen", "hall", "cellar", "attic", "library", "tower", "garden", "bedroom")), self.chance(0.5)
            return w.one(("Turn %s the light in the %s.", "Please switch %s the lamp of the %s.", "Light %s in the %s!")) % ("on" if on else "off", r), {"room": r, "on": on}, {"done": True}, "The light in the %s is %s." % (r, "on" if on else "off")

        def price():
            o, c, k = w.one(w.objects), n(2, 300), w.one(COINS)
            return w.one(("What does a %s cost?", "How much is the %s?", "Price of a %s?")) % o, {"item": o}, {"price": c, "coin": k}, "The %s costs %d %s." % (o, c, k)

        def alarm():
            h, d = n(1, 12), w.one(DAYS)
            return w.one(("Wake me at %d o'clock on %s.", "Set an alarm for %d o'clock on %s.")) % (h, d), {"hour": h, "day": d}, {"set": True}, "I will wake you at %d o'clock on %s." % (h, d)

        def buy():
            c, f = n(2, 60), w.one(w.foods)
            return w.one(("Buy %d %s.", "Order %d %s, please.", "I need %d %s.")) % (c, f), {"item": f, "count": c}, {"left": n(0, 50)}, "I bought %d %s." % (c, f)

        def story():
            a = w.one(w.animals)
            return w.one(("Find a book about a %s.", "Look for a story with a %s.", "Which book has a %s in it?")) % a, {"word": a}, {"title": "The %s and the %s" % (upper_first(a), upper_first(w.one(w.objects)))}, None

        box = {"weather": ("the weather of a place", (("city", "string", 1), ("days", "integer", 0)), weather),
               "add": ("adds two numbers", (("a", "number", 1), ("b", "number", 1)), add),
               "time": ("the time of a place", (("city", "string", 1),), time),
               "find": ("finds a thing", (("thing", "string", 1),), find),
               "send": ("sends a message", (("to", "string", 1), ("text", "string", 1)), send),
               "light": ("turns a light on or off", (("room", "string", 1), ("on", "boolean", 1)), light),
               "price": ("what a thing costs", (("item", "string", 1),), price),
               "alarm": ("wakes somebody", (("hour", "integer", 1), ("day", "string", 1)), alarm),
               "buy": ("buys something", (("item", "string", 1), ("count", "integer", 1)), buy),
               "book": ("finds a book", (("word", "string", 1),), story)}
        return box

    OTHER_NAMES = {"weather": ("get_weather", "forecast", "weather_at"), "add": ("sum", "plus", "add_numbers", "calculate"), "time": ("get_time", "clock", "local_time"),
                   "find": ("search", "locate", "where_is"), "send": ("send_message", "tell", "write_to"), "light": ("set_light", "lamp", "switch_light"),
                   "price": ("get_price", "cost", "price_of"), "alarm": ("set_alarm", "wake", "remind"), "buy": ("order", "shop", "buy_item"), "book": ("find_book", "library", "search_books")}
    OTHER_KEYS = {"city": ("place", "town", "location"), "thing": ("name", "object", "what"), "to": ("person", "name", "receiver"), "text": ("message", "words"),
                  "item": ("thing", "product", "article"), "room": ("place", "where"), "hour": ("at", "time"), "count": ("number", "amount", "many"), "word": ("about", "topic", "query"),
                  "a": ("x", "first"), "b": ("y", "second"), "day": ("date", "on_day"), "days": ("for_days", "length"), "on": ("state", "lit")}

    def tools(self):
        doc, w, rng = Doc("tools"), self.w, self.rng
        box = self.toolbox()
        names = w.some(list(box), rng.choice((1, 1, 2, 2, 3, 4)))
        # names of tools and arguments change, so that they are read and not learnt by heart
        called, keys, lines = {}, {}, []
        for name in names:
            described, args, _ = box[name]
            called[name] = w.one(self.OTHER_NAMES[name]) if self.chance(0.5) else name
            keys[name] = {k: w.one(self.OTHER_KEYS.get(k, (k,))) if self.chance(0.35) else k for k, _, _ in args}
            if len(set(keys[name].values())) < len(args):
                keys[name] = {k: k for k, _, _ in args}
            line = "- %s(%s)" % (called[name], ", ".join("%s%s: %s" % (keys[name][k], "" if must else "?", t) for k, t, must in args))
            lines.append(line + (": " + described if self.chance(0.85) else ""))
        must = self.chance(0.3)
        how = "Return only a JSON function call." if must else "When a tool helps, return only a JSON function call."
        first = w.one(("Be brief.", "You are brief.", "You are a helper.", "You help at home.", "You are the model in the box of wkv.")) + "\n" if self.chance(0.3) else ""
        doc.system(first + "Tools:\n" + "\n".join(lines) + "\n" + how)
        meta = dict(layout="question-last", n_facts=len(names), fact="")
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            if not must and self.chance(0.25):
                said, answers = w.one(self.TALK[:10])
                doc.user(w.one(said))
                doc.assistant(w.one(answers), **meta)
                continue
            name = w.one(names)
            q, args, result, answer = box[name][2]()
            doc.user(q)
            doc.assistant(doc.called([{"name": called[name], "arguments": {keys[name][k]: v for k, v in args.items()}}]), **meta)
            if self.chance(0.6):
                doc.user("Function output:\n" + json.dumps(result, **({"separators": (",", ":")} if self.chance(0.5) else {})))
                doc.assistant(answer or "The book is called %s." % result["title"], **meta)
        return doc

    VERBS = """open close call lend fetch paint count weigh clean sell show cancel start stop play print draw measure visit mend lock move hide
               carry wash name mark feed hire invite borrow return check order reserve translate record list rent delete create update""".split()

    def errand(self):
        """A tool that was never seen: its name from a verb and a thing, arguments that are said by their names."""
        w, rng = self.w, self.rng
        values = {"string": (w.name, lambda: w.one(TOWNS), lambda: w.one(COLOURS), lambda: w.one(DAYS), lambda: w.one(w.trades), w.any_word, w.made_up,
                             lambda: w.one(w.adjectives) + " " + w.one(w.objects), lambda: w.one(w.animals), w.code),
                  "integer": (lambda: rng.randint(1, 40), lambda: rng.randint(41, 9999)), "boolean": (lambda: self.chance(0.5),)}
        pool = w.one((w.objects, w.animals, w.places, w.foods, w.trades))
        verb, thing = w.one(self.VERBS), w.one(pool)
        keys = w.some("name colour size day town person amount level note kind place title month street owner room key number city label price topic".split(), rng.choice((1, 1, 1, 2, 2, 3)))
        args = {}
        for key in keys:
            sort = rng.choice(("string", "string", "string", "integer", "boolean"))
            args[key] = (sort, w.one(values[sort])())
        said = " and ".join(w.one(("%s %s", "the %s %s", "%s: %s")) % (k, json.dumps(v) if isinstance(v, bool) else v) for k, (_, v) in args.items())
        only = w.one(("for %s", "with %s", "in %s", "called %s", "of %s")) % next(iter(args.values()))[1] if len(args) == 1 and self.chance(0.6) else "with " + said
        q = w.one(("%s the %s %s.", "Please %s the %s %s.", "Can you %s the %s %s?", "I want to %s the %s %s.")) % (verb, thing, only)
        line = "%s%s%s(%s)" % (verb, "_", thing.replace(" ", "_"), ", ".join("%s: %s" % (k, t) for k, (t, _) in args.items()))
        if self.chance(0.6):
            line += ": %s%s %s" % (verb, w.one(("", "s")), article(thing))
        result = w.one(({"done": True}, {"ok": True}, {"status": "done"}))
        return line, upper_first(q), dict(name="%s_%s" % (verb, thing.replace(" ", "_")), arguments={k: v for k, (_, v) in args.items()}), result, "Done."

    def errands(self):
        """Tools whose names and arguments change from one conversation to the next, so that they have to be read."""
        doc, rng = Doc("tools"), self.rng
        made = {}
        for _ in range(rng.choice((1, 2, 2, 3, 4))):
            each = self.errand()
            made.setdefault(each[2]["name"], each)
        must = self.chance(0.3)
        doc.system("Tools:\n" + "\n".join("- " + each[0] for each in made.values()) + "\n" + ("Return only a JSON function call." if must else "When a tool helps, return only a JSON function call."))
        meta = dict(layout="question-last", n_facts=len(made), fact="")
        for line, q, call, result, answer in self.w.some(list(made.values()), rng.choice((1, 1, 2))):
            doc.user(q)
            doc.assistant(doc.called([call]), **meta)
            if self.chance(0.5):
                doc.user("Function output:\n" + json.dumps(result, **({"separators": (",", ":")} if self.chance(0.5) else {})))
                doc.assistant(answer, **meta)
        return doc

    def extract(self):
        """A sentence, the shape that is wanted, and the JSON."""
        w, rng = self.w, self.rng
        name, n, t, tr, c, o, a, f = w.name(), rng.randint(2, 99), w.one(TOWNS) if self.chance(0.6) else w.made_up(), w.one(w.trades), w.one(COLOURS), w.one(w.objects), w.one(w.animals), w.one(w.foods)
        coin, day, other = w.one(COINS), w.one(DAYS), w.name()
        said, fields = w.one((
            (w.one(("%s is %d years old and lives in %s.", "In the house of %s, who is %d, there is a view over %s.", "%s, aged %d, comes from %s.")) % (name, n, t), (("name", "string", name), ("age", "integer", n), ("town", "string", t))),
            (w.one(("%s the %s came to %s on %s.", "They saw %s, a %s, in %s last %s.")) % (name, tr, t, day), (("name", "string", name), ("trade", "string", tr), ("town", "string", t), ("day", "string", day))),
            ("%s bought %d %s for %s." % (name, n, plural(o), other), (("buyer", "string", name), ("count", "integer", n), ("item", "string", plural(o)), ("receiver", "string", other))),
            ("The %s %s costs %d %s." % (c, o, n, coin), (("item", "string", o), ("colour", "string", c), ("price", "integer", n), ("coin", "string", coin))),
            ("%s has a %s %s called %s." % (name, c, a, other), (("owner", "string", name), ("animal", "string", a), ("colour", "string", c), ("name", "string", other))),
            ("For supper %s ate %s and %s ate %s." % (name, f, other, (g := w.one(w.foods))), (("names", "array", [name, other]), ("foods", "array", [f, g]))),
            ("The %s is open." % o if self.chance(0.5) else "The %s is not open." % o, (("thing", "string", o), ("open", "boolean", None))),
        ))
        if fields[-1][0] == "open":
            fields = (fields[0], ("open", "boolean", " not " not in said))
        fields = w.some(list(fields), rng.randint(1, len(fields)))
        keys = [k for k, _, _ in fields]
        shape = "{%s}" % ", ".join('"%s": %s' % (k, t) for k, t, _ in fields)
        wish = w.one(("Give JSON of this shape: " + shape, "Answer with JSON: " + shape, "Write JSON with the keys " + ", ".join(keys) + ".", "Extract %s as JSON." % ", ".join(keys),
                      "Fill in this JSON: " + shape, "Return only JSON with " + " and ".join(keys) + "."))
        text, layout = (wish + "\n" + said, "question-first") if self.chance(0.5) else (said + "\n" + wish, "question-last")
        answer = json.dumps({k: v for k, _, v in fields}, separators=(",", ":"), ensure_ascii=False)
        doc = Doc("json")
        if self.chance(0.2):
            doc.system(w.one(("Answer with JSON only.", "Be brief.", "Return only JSON.")))
        doc.user(text)
        (doc.fake if self.chance(0.07) else doc.assistant)(answer, layout=layout, n_facts=len(fields), fact=said)
        return doc

    # --- small tasks

    def turns(self, kind, task):
        """One or some tasks in a row."""
        doc, count = Doc(kind), self.rng.choice((1, 1, 2, 4, 8))
        for i in range(count):
            q, a, thought = task()
            meta = dict(layout="question-last", n_facts=0, fact="")
            if i == count - 1 and thought and self.chance(0.4):
                mode = self.w.one(tuple(THINK))
                doc.user(q + THINK[mode])
                doc.thinking(thought, a, mode != "on", **meta)
            else:
                doc.user(q)
                (doc.fake if i == count - 1 and self.chance(0.08) else doc.assistant)(a, **meta)
        return doc

    def strings(self):
        return self.turns("strings", self.string_task)

    def string_task(self):
        w, rng = self.w, self.rng
        pool = w.one((WORDS, w.objects, w.animals, w.names, COLOURS, w.foods, [w.any_word() for _ in range(12)], self.w.some(self.whole, 12)))
        items = w.some(pool, rng.randint(2, 7))
        word = w.one(pool) if self.chance(0.7) else w.made_up().lower()
        text, spaced = " ".join(items), ", ".join(items)
        kind = rng.randrange(15)
        if kind == 0:
            return w.one(("Repeat: %s", "Say this again: %s", "Copy this: %s", "Repeat after me: %s")) % text, text, None
        if kind == 1:
            s = w.code() if self.chance(0.5) else w.digits(rng.randint(5, 14))
            return w.one(("Repeat: %s", "Copy this: %s")) % s, s, None
        if kind == 2:
            return w.one(("Reverse this list: %s", "Turn this list round: %s", "Write these backwards: %s")) % spaced, ", ".join(items[::-1]), None
        if kind == 3:
            short = w.one([x for x in WORDS if len(x) < 7])
            return w.one(("Spell %s backwards.", "Reverse the word %s.")) % short, short[::-1], "-".join(short) + "\n" + "-".join(short[::-1])
        if kind == 4:
            return w.one(("Spell the word %s.", "Spell %s.", "How is %s spelt?")) % word, "-".join(word), None
        if kind == 5:
            numbers = rng.sample(range(1, 100), rng.randint(3, 7))
            up = self.chance(0.6)
            return w.one(("Sort these numbers%s: %s", "Put these numbers in order%s: %s")) % ("" if up else " from large to small", ", ".join(map(str, numbers))), ", ".join(map(str, sorted(numbers, reverse=not up))), None
        if kind == 6:
            return w.one(("How many words are there? %s", "How many things are in this list? %s", "Count these: %s")) % spaced, "%d." % len(items), "\n".join("%d %s" % (i + 1, x) for i, x in enumerate(items))
        if kind == 7:
            return w.one(("Write in capitals: %s", "Upper case: %s", "Make this loud: %s")) % text, text.upper(), None
        if kind == 8:
            first = self.chance(0.5)
            return w.one(("What is the %s word? %s", "Give me the %s of these: %s")) % ("first" if first else "last", text), (items[0] if first else items[-1]) + ".", None
        if kind == 9:
            i = rng.randrange(len(items))
            nth = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")[i]
            return "What is the %s of these? %s" % (nth, spaced), items[i] + ".", "\n".join("%d %s" % (j + 1, x) for j, x in enumerate(items))
        if kind == 10:
            numbers = rng.sample(range(1, 1000), rng.randint(2, 6))
            big = self.chance(0.5)
            return "Which number is the %s? %s" % ("largest" if big else "smallest", ", ".join(map(str, numbers))), "%d." % (max if big else min)(numbers), None
        if kind == 11:
            return w.one(("With which letter does %s begin?", "What is the first letter of %s?")) % word, word[0] + ".", None
        if kind == 12:
            i = rng.randrange(len(items) - 1)
            return w.one(("What comes after %s? %s", "Which word follows %s? %s")) % (items[i], spaced), items[i + 1] + ".", None
        if kind == 13:
            present = self.chance(0.5)
            x = w.one(items) if present else w.one([y for y in pool if y not in items])
            return w.one(("Is %s in this list? %s", "Do you see %s here? %s")) % (x, spaced), "Yes." if present else "No.", None
        return w.one(("Join with dashes: %s", "Put dashes between these words: %s")) % text, "-".join(items), None

    def sums(self):
        return self.turns("sums", self.sum_task)

    def sum_task(self):
        rng, w = self.rng, self.w
        kind = rng.random()
        if kind < 0.55:
            top = rng.choice((10, 10, 100, 100, 1000))
            a, b = rng.randrange(top), rng.randrange(top)
            steps = self.column(a, b)
            return w.one(("What is %d + %d?", "%d + %d", "How much is %d plus %d?", "Add %d and %d.")) % (a, b), "%d." % (a + b), steps
        if kind < 0.75:
            top = rng.choice((10, 20, 100, 1000))
            a, b = sorted((rng.randrange(top), rng.randrange(top)))
            return w.one(("What is %d - %d?", "%d - %d", "How much is %d minus %d?")) % (b, a), "%d." % (b - a), None
        if kind < 0.9:
            a, b = rng.randint(1, 12), rng.randint(1, 12)
            return w.one(("What is %d times %d?", "%d * %d", "How much is %d x %d?")) % (a, b), "%d." % (a * b), None
        p, thing, a, b = w.name(), plural(w.one(w.foods[:3] + w.objects)), rng.randint(2, 30), rng.randint(1, 30)
        if self.chance(0.5):
            return "%s has %d %s and gets %d more. How many %s has %s now?" % (p, a, thing, b, thing, p), "%d." % (a + b), "%d + %d = %d" % (a, b, a + b)
        a, b = max(a, b), min(a, b)
        return "%s has %d %s and gives away %d. How many are left?" % (p, a, thing, b), "%d." % (a - b), "%d - %d = %d" % (a, b, a - b)

    @staticmethod
    def column(a, b):
        """The sum digit by digit from the right, as at school."""
        lines, carry = [], 0
        x, y = str(a)[::-1], str(b)[::-1]
        for i in range(max(len(x), len(y))):
            p, q = int(x[i]) if i < len(x) else 0, int(y[i]) if i < len(y) else 0
            s = p + q + carry
            lines.append("%d + %d%s = %d" % (p, q, " + 1" if carry else "", s))
            carry = s // 10
        return "\n".join(lines)

    def counting(self):
        return self.turns("counting", self.count_task)

    def count_task(self):
        rng, w = self.rng, self.w
        if self.chance(0.5):
            kinds = w.some(w.one((w.animals, w.objects, COLOURS)), rng.randint(2, 4))
            items = [w.one(kinds) for _ in range(rng.randint(3, 9))]
            x = w.one(kinds)
            thought, seen = [], 0
            for item in items:
                seen += item == x
                thought.append("- %s %d" % (item, seen))
            return w.one(("How often does %s occur? %s", "How many times is %s in this list? %s")) % (x, ", ".join(items)), "%d." % items.count(x), "\n".join(thought)
        word = w.one(WORDS + w.objects)
        letter = w.one(word)
        thought, seen = [], 0
        for c in word:
            seen += c == letter
            thought.append("%s %d" % (c, seen))
        return w.one(("How many times is the letter %s in %s?", "Count the letter %s in the word %s.")) % (letter, word), "%d." % seen, "\n".join(thought)

    TOPICS = re.compile(r"\b(king|queen|princess|prince|fox|wolf|bear|bird|dragon|giant|witch|fairy|dwarf|horse|cat|dog|frog|boy|girl|soldier|miller|fisherman|"
                        r"shepherd|tailor|farmer|merchant|widow|brother|sister|mermaid|lion|snake|hare|mouse|ring|castle|forest|mountain|sea|apple|garden|golden|magic)\b", re.I)

    def story(self):
        """A story about something: a real piece of a tale that speaks of it; 'go on' for more."""
        doc, w = Doc("story"), self.w
        for _ in range(20):
            text = w.one(self.prose)
            at = 0 if self.chance(0.5) else int(self.rng.random() * len(text))
            piece = [p for p in text[at:at + 14] if len(p) > 60]
            if len(piece) < 3:
                continue
            found = self.TOPICS.findall(piece[0])
            if found:
                break
        else:
            return self.small_talk()
        topic = w.one(found).lower()
        about = {"golden": "gold", "magic": "magic", "sea": "the sea"}.get(topic) or article(topic)
        doc.user(w.one(("Tell me a story about %s.", "Tell me a tale of %s.", "A story about %s, please.", "I would like to hear a fairy tale about %s.", "Please tell a story with %s in it.")) % about)
        take = lambda n: "\n\n".join([piece.pop(0) for _ in range(min(n, len(piece)))])
        meta = dict(layout="question-last", n_facts=0, fact="")
        doc.tale(take(self.rng.randint(1, 4)), **meta)
        while piece and self.chance(0.4):
            doc.user(w.one(("Go on.", "And then?", "What happened next?", "More, please.", "Continue.")))
            doc.tale(take(self.rng.randint(1, 3)), **meta)
        return doc

    # --- a little disorder

    def spoil(self, doc):
        """What careless programs send, so that its harm can be measured and is bounded."""
        kind, parts = self.rng.randrange(5), doc.parts
        at = [i for i, (_, t) in enumerate(parts) if t.startswith("User:")]
        if not at:
            return
        i = self.w.one(at)
        c, text = parts[i]
        if kind == 0:
            parts[i] = (c, text[:-2] + " \n\n")
        elif kind == 1:
            doc.parts = [(c, t.replace("\n", "\r\n") if c < 2 else t) for c, t in parts]
        elif kind == 2:
            parts[i] = (c, text[:-1])
        elif kind == 3:
            parts[i] = (c, text.replace("User: ", "User:", 1))
        elif i + 2 < len(parts) and parts[i + 1][1] == "Assistant:" and parts[i + 2][1][0] == " ":
            # a space after "Assistant:" that belongs to the answer
            parts[i + 1] = (1, "Assistant: ")
            parts[i + 2] = (2, parts[i + 2][1][1:])
