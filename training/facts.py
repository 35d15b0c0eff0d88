"""Facts and questions about them.  A fact is said in several ways, asked for in several ways, and its answer can be copied."""
from words import COINS, COLOURS, DAYS, EVENTS, KIN, MONTHS, NUMBERS, TOWNS, article, plural, upper_first


class Fact:
    """What is said; [(question, short answer, whole sentence)]; a question of the same kind about what is not said."""
    __slots__ = ("said", "asked", "key", "missing")

    def __init__(self, said, asked, key, missing):
        self.said, self.asked, self.key, self.missing = said, asked, key, missing


def dot(text):
    """The words of the text as it has them: another first letter would be another token."""
    return text + "."


def colour(w):
    p, o, v = w.name(), w.pick(w.objects), w.one(COLOURS)
    said = w.one(("%s's %s is %s.", "%s has a %s that is %s.", "%s's %s is of the colour %s.")) % (p, o, v)
    ask = lambda p, o: w.one(("What colour is %s's %s?", "Which colour does %s's %s have?", "Of what colour is %s's %s?")) % (p, o)
    return Fact(said, [(ask(p, o), dot(v), "%s's %s is %s." % (p, o, v))], ("colour", p, o), lambda q, x: ask(q, o))


def home(w):
    p, place = w.name(), w.pick(w.places)
    where = w.one(("in", "near", "behind", "beside")) + " the " + place
    said = w.one(("%s lives %s.", "The home of %s is %s.", "%s has a house %s.", "%s dwells %s.")) % (p, where)
    ask = lambda p: w.one(("Where does %s live?", "Where is the home of %s?", "Where can one find %s's house?")) % p
    back = "Who lives %s?" % where
    return Fact(said, [(ask(p), dot(where), "%s lives %s." % (p, where)), (back, p + ".", "%s lives %s." % (p, where))],
                ("home", p), lambda q, x: ask(q))


def located(w):
    thing, spot = w.thing(), w.one(w.spots)
    said = w.one(("The %s is %s.", "The %s lies %s.", "Somebody put the %s %s.", "You will find the %s %s.", "The %s was left %s.")) % (thing, spot)
    ask = lambda t: w.one(("Where is the %s?", "Where can I find the %s?", "Where must one look for the %s?")) % t
    return Fact(said, [(ask(thing), dot(spot), "The %s is %s." % (thing, spot))], ("located", thing), lambda q, x: ask(x))


def age(w):
    p, n = w.name(), str(w.rng.randint(2, 99))
    said = w.one(("%s is %s years old.", "%s has lived for %s years.", "The age of %s is %s.")) % (p, n)
    ask = lambda p: w.one(("How old is %s?", "What is the age of %s?", "What age is %s?")) % p
    return Fact(said, [(ask(p), n + ".", "%s is %s years old." % (p, n))], ("age", p), lambda q, x: ask(q))


def likes(w):
    p, f = w.name(), w.pick(w.foods)
    said = w.one(("%s likes %s best.", "%s eats %s every day.", "The favourite food of %s is %s.", "%s loves %s more than anything.")) % (p, f)
    ask = lambda p: w.one(("What does %s like to eat?", "What is the favourite food of %s?", "What food does %s love?")) % p
    return Fact(said, [(ask(p), dot(f), "%s likes %s." % (p, f))], ("likes", p), lambda q, x: ask(q))


def trade(w):
    p, t = w.name(), w.pick(w.trades)
    said = w.one(("%s is %s.", "%s works as %s.", "%s became %s.", "By trade %s is %s.")) % (p, article(t))
    ask = lambda p: w.one(("What is %s's trade?", "What does %s work as?", "What is the trade of %s?")) % p
    return Fact(said, [(ask(p), dot(article(t)), "%s is %s." % (p, article(t))), ("Who is the %s?" % t, p + ".", "%s is the %s." % (p, t))],
                ("trade", p), lambda q, x: ask(q))


def pet(w):
    a, n = w.one(COLOURS) + " " + w.pick(w.animals), w.name()
    said = w.one(("The %s is called %s.", "The name of the %s is %s.", "They call the %s %s.", "The %s answers to the name %s.")) % (a, n)
    ask = lambda a: w.one(("What is the name of the %s?", "What is the %s called?", "How do they call the %s?")) % a
    return Fact(said, [(ask(a), n + ".", "The %s is called %s." % (a, n)), ("Which animal is called %s?" % n, dot("the " + a), "The %s is called %s." % (a, n))],
                ("pet", a), lambda q, x: ask(w.one(COLOURS) + " " + w.pick(w.animals)))


def kin(w):
    p, q, k = w.name(), w.name(), w.one(KIN)
    said = w.one(("%s's %s is %s." % (p, k, q), "%s is the %s of %s." % (q, k, p), "%s's %s is called %s." % (p, k, q)))
    ask = lambda p, k: w.one(("Who is %s's %s?" % (p, k), "Who is the %s of %s?" % (k, p), "What is the name of %s's %s?" % (p, k)))
    return Fact(said, [(ask(p, k), q + ".", "%s's %s is %s." % (p, k, q))], ("kin", p, k), lambda q, x: ask(q, k))


def code(w):
    place, c = w.pick(w.places), w.code()
    which = w.one(("code", "password", "number", "secret word")) if not c.isdigit() else w.one(("code", "number", "secret number"))
    said = w.one(("The %s of the %s is %s.", "The %s for the %s is %s.", "Remember: the %s of the %s is %s.")) % (which, place, c)
    ask = lambda place: w.one(("What is the %s of the %s?", "What is the %s for the %s?", "Tell me the %s of the %s. What is it?")) % (which, place)
    return Fact(said, [(ask(place), c + ".", "The %s of the %s is %s." % (which, place, c))], ("code", place), lambda q, x: ask(x.split()[-1]))


def count(w):
    many, spot = plural(w.pick(w.animals)), w.one(w.spots)
    n = w.one(NUMBERS[2:]) if w.rng.random() < 0.5 else str(w.rng.randint(2, 99))
    said = w.one(("There are %s %s %s.", "One can see %s %s %s.", "They counted %s %s %s.")) % (n, many, spot)
    ask = lambda many: w.one(("How many %s are %s?", "How many %s does one find %s?", "What is the number of %s %s?")) % (many, spot)
    return Fact(said, [(ask(many), dot(n), "There are %s %s %s." % (n, many, spot))], ("count", many, spot),
                lambda q, x: ask(plural(w.pick(w.animals))))


def price(w):
    thing, n, coin = w.thing(), str(w.rng.randint(2, 200)), w.one(COINS)
    said = w.one(("The %s costs %s %s.", "The price of the %s is %s %s.", "One pays for the %s just %s %s.")) % (thing, n, coin)
    ask = lambda t: w.one(("How much does the %s cost?", "What is the price of the %s?", "What does one pay for the %s?")) % t
    return Fact(said, [(ask(thing), "%s %s." % (n, coin), "The %s costs %s %s." % (thing, n, coin))], ("price", thing), lambda q, x: ask(x))


def event(w):
    e = w.one(EVENTS) + " at " + w.one(TOWNS) if w.rng.random() < 0.5 else w.name() + "'s " + w.one(EVENTS)
    e = "the " + e if " at " in e else e
    when = w.one(("on " + w.one(DAYS), "at %s o'clock" % w.one(NUMBERS[1:]), "in " + w.one(MONTHS), "on the %d of %s" % (w.rng.randint(1, 28), w.one(MONTHS))))
    said = upper_first(w.one(("%s begins %s.", "%s will be %s.", "%s is %s.")) % (e, when))
    ask = lambda e: w.one(("When is %s?", "When does %s begin?", "When will %s be?")) % e
    return Fact(said, [(ask(e), dot(when), upper_first("%s is %s." % (e, when)))], ("event", e), lambda q, x: ask(q + "'s " + w.one(EVENTS)))


def gift(w):
    p, q, thing = w.name(), w.name(), w.thing()
    said = w.one(("%s gave the %s to %s." % (p, thing, q), "%s sent the %s to %s." % (p, thing, q), "%s got the %s from %s." % (q, thing, p)))
    whole = "%s gave the %s to %s." % (p, thing, q)
    return Fact(said, [("To whom did %s give the %s?" % (p, thing), q + ".", whole), ("Who gave the %s to %s?" % (thing, q), p + ".", whole),
                       ("What did %s give to %s?" % (p, q), dot("the " + thing), whole)], ("gift", thing), lambda q, x: "Who has the %s now?" % x)


def owner(w):
    p, thing = w.name(), w.thing()
    said = w.one(("The %s belongs to %s." % (thing, p), "%s owns the %s." % (p, thing), "The owner of the %s is %s." % (thing, p)))
    ask = lambda t: w.one(("Whose is the %s?", "Who owns the %s?", "To whom does the %s belong?")) % t
    return Fact(said, [(ask(thing), p + ".", "The %s belongs to %s." % (thing, p))], ("owner", thing), lambda q, x: ask(x))


def town(w):
    p, t = w.name(), w.one(TOWNS) if w.rng.random() < 0.5 else w.made_up()
    said = w.one(("%s comes from %s.", "%s was born in %s.", "%s grew up in %s.")) % (p, t)
    ask = lambda p: w.one(("Where does %s come from?", "From which town is %s?", "What is the home town of %s?")) % p
    return Fact(said, [(ask(p), t + ".", "%s comes from %s." % (p, t))], ("town", p), lambda q, x: ask(q))


KINDS = (colour, home, located, age, likes, trade, pet, kin, code, count, price, event, gift, owner, town, code, located)


def distinct(w, count, kinds=None):
    """Facts of which no question has two answers."""
    # one kind alone makes the hardest passages: everything looks alike
    kinds = kinds or (KINDS if w.rng.random() < 0.8 else (w.one(KINDS),))
    facts, keys, questions = [], set(), set()
    for _ in range(count * 3):
        fact = w.one(kinds)(w)
        asked = {q.lower() for q, _, _ in fact.asked}
        names = {k for k in fact.key[1:]}
        if fact.key in keys or asked & questions or len(kinds) == 1 and (fact.key[0],) + tuple(names) in keys:
            continue
        keys.add(fact.key)
        questions |= asked
        facts.append(fact)
        if len(facts) == count:
            break
    return facts


def unambiguous(fact, question, answer, facts):
    """Whether the question has this answer alone: 'Who is the miller?' has two where there are two millers."""
    if question[:3] == "Who" or question[:5] in ("Which", "What "):
        core = question.rstrip("?").split(" ", 2)[-1].lower()
        tail = core[4:] if core.startswith("the ") else core
        return sum(tail in other.said.lower() for other in facts) <= 1
    return True
