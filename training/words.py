"""Words that the generated conversations are made of.  Every list is cut in two: what training sees, and the few at its
end that only evaluation sees."""
import random
import re

from tokenizer import Tokenizer

HELD = 6  # divide: every sixth entry of the lists marked below is for evaluation alone

_NAMES = """Hans Greta Ilsa Tom Lena Otto Mira Klaus Rosa Peter Anna Jack Elsa Karl Marta Fritz Dora Emil Nora Paul Clara Hugo Ada
Bruno Ida Felix Ella Oscar Vera Leo Maria Max Tilda Anton Liese Conrad Hilda Jasper Flora Rupert Alma Simon Edith Walter Agnes
Martin Berta Nils Sigrid Olaf Ingrid Lars Freya Sven Karin Bjorn Astrid Ivan Olga Boris Vasilisa Igor Tanya Pavel Katya Dmitri
Sonia Rory Una Finn Maeve Colin Nuala Angus Morag Duncan Isla Ewan Fiona Malcolm Elspeth Robin Marian Will Alice Giles Maud
Edgar Beatrice Rafe Rosalind Luca Bianca Marco Lucia Pietro Chiara Carlo Nina Paolo Stella Pierre Colette Jean Margot Louis
Yvette Henri Odile Ahmed Leila Hassan Zara Omar Amina Yusuf Nadia Tariq Samira Juan Carmen Diego Ines Pablo Elena Mateo Luz
Hiro Yuki Kenji Hana Taro Sakura Wei Lin Mei Jun Ravi Priya Arjun Maya Kiran Lakshmi""".split()
_OBJECTS = """key ring crown cup lamp mirror comb cloak sword harp flute drum bell book map box purse needle spindle kettle
candle basket lantern hammer axe bow arrow shield helmet glove boot shoe slipper hat belt scarf button coin pearl feather
rose apple pear nut egg loaf cheese jar bottle barrel bucket broom ladder rope chain lock saddle bridle whip cart boat oar
net hook spoon knife fork plate bowl pan pot pillow blanket chair table stool chest cradle clock wheel whistle horn
violin letter ribbon thimble veil wand staff stone shell brush pipe sack trunk fan doll kite quill inkwell scroll""".split()
COLOURS = """red blue green yellow white black brown grey golden silver purple pink orange scarlet crimson violet""".split()
_ANIMALS = """fox wolf bear hare stag owl raven crow eagle swan goose duck hen cock cat dog horse mare donkey ox cow calf goat
kid sheep lamb pig mouse rat frog toad snake lizard turtle bee ant spider beetle butterfly moth fish trout pike salmon whale
seal otter beaver badger hedgehog squirrel mole lion tiger leopard elephant camel monkey parrot peacock dove sparrow robin
thrush lark nightingale stork heron magpie hawk falcon dragon griffin unicorn""".split()
_PLACES = """mill castle tower forest cave bridge well garden orchard meadow barn stable church market harbour inn kitchen cellar
attic chapel village town city valley mountain hill lake river island cottage palace hall library forge bakery school
lighthouse windmill farm vineyard quarry mine swamp desert courtyard graveyard temple ruin tent ship""".split()
_SPOTS = ["under the bridge", "in the well", "behind the mill", "on the shelf", "under the bed", "in the cellar", "on the roof",
"in the barn", "by the river", "under the oak", "in the attic", "behind the church", "in the chest", "on the table",
"under the stairs", "in the garden", "at the inn", "in the tower", "beside the lake", "in the cave", "on the hill",
"in the kitchen", "behind the door", "under the stone", "in the hollow tree", "at the market", "in the stable", "on the island",
"in the boat", "near the gate", "behind the curtain", "in the oven", "under the carpet", "on the windowsill", "in the cupboard",
"at the forge", "between two rocks", "in the basket", "inside the clock", "over the fireplace", "on the wall", "in the forest"]
_TRADES = """miller baker tailor smith cobbler weaver farmer shepherd hunter fisherman sailor soldier cook gardener carpenter
mason potter barber doctor teacher singer painter clerk judge merchant innkeeper woodcutter beekeeper shoemaker goldsmith
clockmaker ferryman piper minstrel knight page nurse spinner dyer brewer butcher saddler tinker""".split()
_FOODS = """bread cheese honey soup porridge cake pie apples pears plums cherries nuts mushrooms fish eggs butter milk cream
pancakes cabbage turnips beans peas onions carrots grapes figs dates raisins gingerbread dumplings sausages roast goose
jam toast waffles pumpkin strawberries raspberries""".split()
_ADJECTIVES = """old new big small little heavy broken shining rusty wooden iron copper glass stone painted magic dusty lost
strange tiny round long plain fine crooked polished cracked leather velvet ivory""".split()
KIN = "cousin friend neighbour servant teacher master helper guest partner rival pupil guardian".split()
MONTHS = "January February March April May June July August September October November December".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve".split()
EVENTS = """wedding feast market dance hunt race fair concert supper meeting festival play ball trial lesson voyage
tournament harvest""".split()
COINS = "pennies shillings crowns ducats florins groats thalers guineas".split()
TOWNS = """Weir Amberley Stonebridge Oakham Marlow Thornby Elmstead Highcastle Saltmere Greyford Redcliff Ashby Willowdale
Fernhill Northgate Silverton Millbrook Ravensburg Lindau Tarn Paris London Rome Vienna Prague Madrid Oslo Cairo Lima Kyoto
Berlin Dublin Lisbon Athens Delhi Geneva Venice Florence Bergen Riga""".split()
WORDS = """river lantern winter cobweb thunder pepper saffron meadow copper velvet willow marble shadow feather ginger harbour
acorn ember clover pebble mitten walnut anchor candle thistle button crystal falcon maple nettle orchid puddle quiver raisin
saddle tinder umbrella vessel whisper yonder basil cider dagger elbow flint goblet hazel ivory jasmine kettle lemon mirror
needle oyster parsley quartz ribbon spindle turnip urchin violet wicker yarrow almond barley cinder""".split()
CONSONANTS, VOWELS = "b c d f g h k l m n p r s t v w z br cl dr fl gr pl st th tr".split(), "a e i o u ai ee oo".split()
ENDINGS = "n l r s m nd th ck x bert wick dor ling mir gard ric".split()


_pieces = [b.decode("latin-1") for b in Tokenizer.load().bytes.values()]
BEGINNINGS = [p[1:] for p in _pieces if re.fullmatch(" [A-Za-z]+", p)]  # what follows a space in one token
INSIDE = [p for p in _pieces if re.fullmatch("[a-z]+", p)]
WHOLE = [p for p in BEGINNINGS if re.fullmatch("[a-z]{3,}", p)]  # words that are one token with the space before them


class Words:
    """Draws words; with `held` from the part that training never sees, where a list has one."""

    def __init__(self, rng, held=False):
        self.rng, self.held = rng, held
        for name, words in (("names", _NAMES), ("objects", _OBJECTS), ("animals", _ANIMALS), ("places", _PLACES), ("spots", _SPOTS),
                            ("trades", _TRADES), ("foods", _FOODS), ("adjectives", _ADJECTIVES)):
            words = list(dict.fromkeys(words))
            part = [w for i, w in enumerate(words) if (i % HELD == HELD - 1) == held]
            # evaluation mixes its own words with known ones
            setattr(self, name, part + (words[:len(part)] if held else []))
        self.known = {name: getattr(self, name) for name in ("objects", "animals", "places", "spots", "trades", "foods", "adjectives")}

    BEFORE = "in under behind near beside above inside on by over".split()

    def fresh(self):
        """Some words that were no answers yet, for the next document: from lists that never change a model learns what none can be."""
        for name, words in self.known.items():
            more = (self.any_word().lower() for _ in range(len(words) // 4))
            if name == "spots":
                more = ("%s the %s" % (self.one(self.BEFORE), word) for word in more)
            setattr(self, name, words + list(more))

    def one(self, words):
        return words[int(self.rng.random() * len(words))]

    def some(self, words, count):
        return self.rng.sample(words, min(count, len(words)))

    def made_up(self, syllables=None):
        """A name nobody has heard."""
        one = self.one
        n = syllables or self.rng.choice((1, 2, 2, 2, 3))
        return ("".join(one(CONSONANTS) + one(VOWELS) for _ in range(n)) + (one(ENDINGS) if self.rng.random() < 0.7 else "")).capitalize()

    def any_word(self):
        """A word of any tokens: a token that never was an answer could not become one, so each is one now and then."""
        word = self.one(BEGINNINGS)
        while self.rng.random() < 0.3:
            word += self.one(INSIDE)
        return word

    def pick(self, words):
        """One of the list, or now and then any word in its place."""
        return self.one(words) if self.rng.random() < 0.88 else self.any_word().lower()

    def thing(self):
        """An object, mostly with an adjective; in evaluation always with one."""
        bare = not self.held and self.rng.random() < 0.35
        return self.pick(self.objects) if bare else self.one(self.adjectives) + " " + self.pick(self.objects)

    def name(self):
        x = self.rng.random()
        return self.one(self.names) if x < 0.65 else self.made_up() if x < 0.88 else self.any_word().capitalize()

    def distinct_names(self, count):
        found = {}
        while len(found) < count:
            found[self.name()] = True
        return list(found)

    def digits(self, count=None):
        count = count or self.rng.choice((2, 3, 4, 4, 5, 6))
        return "".join(self.one("0123456789") for _ in range(count))

    def code(self):
        kind = self.rng.random()
        if kind < 0.45:
            return self.digits()
        if kind < 0.6:
            return "".join(self.one("ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(self.rng.choice((2, 3, 4))))
        if kind < 0.75:
            return self.one("ABCDEFGHJKLMNPQRSTUVWXYZ") + self.digits(self.rng.choice((1, 2, 3)))
        if kind < 0.9:
            return self.one(WORDS)
        return self.one(WORDS) + "-" + self.digits(2)


def article(word):
    return ("an " if word[0] in "aeiouAEIOU" else "a ") + word


def upper_first(text):
    return text[0].upper() + text[1:]


def plural(word):
    irregular = {"goose": "geese", "mouse": "mice", "ox": "oxen", "wolf": "wolves", "calf": "calves", "sheep": "sheep", "fish": "fish",
                 "trout": "trout", "salmon": "salmon", "loaf": "loaves", "knife": "knives", "thief": "thieves"}
    if word in irregular:
        return irregular[word]
    if word.endswith(("s", "x", "ch", "sh")):
        return word + "es"
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return word[:-1] + "ies"
    return word + "s"


def seeded(seed, held=False):
    return Words(random.Random(seed), held)
