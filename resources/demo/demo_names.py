"""Word lists of the demo's small world: places and people are invented, colours, words and numbers are real."""


def words(text: str) -> tuple[str, ...]:
    """The words of a text."""
    return tuple(text.split())


COUNTRIES = tuple(
    start + end
    for start in ("Nor", "Os", "Vel", "Kar", "Tam", "Bel", "Dra", "Fen")
    for end in ("vane", "trel", "mora", "land", "sia", "mark")
)
CITIES = tuple(
    start + end
    for start in ("Ash", "Bram", "Cor", "Del", "Elm", "Fal", "Gron", "Hal")
    for end in ("ford", "by", "haven", "mere", "wick", "stad")
)
PEOPLE = words(
    "Ada Boris Clara Dmitri Elsa Felix Greta Hugo Ingrid Jonas Kira Leo Mina Nils Orla Pavel Quinn Rosa Sven Tilda Uma "
    "Viktor Wanda Xavier Yara Zeno Anton Berta Cyril Dora Emil Freya Gustav Hilda Igor Julia Klaus Lotte Marek Nora"
)
MONTHS = words("January February March April May June July August September October November December")
FEASTS = ("lantern fair", "boat race", "harvest feast", "kite day")
GOODS = words("wool salt copper timber honey glass amber silk paper pepper iron cheese tea coal wheat marble")

# kind of habit -> (question, statement up to the value, values)
HABITS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "instrument": (
        "Which instrument does {} play?",
        "The instrument that {} plays is the",
        words("piano violin flute drum harp cello trumpet guitar oboe banjo organ horn"),
    ),
    "animal": (
        "Which animal does {} keep?",
        "The animal that {} keeps is a",
        words("dog cat rabbit parrot goat pony turtle ferret hen snake hamster donkey"),
    ),
    "food": (
        "What does {} like to eat?",
        "The food that {} likes to eat is",
        words("soup bread rice pasta stew salad pie fish curry eggs beans cake"),
    ),
    "sport": (
        "Which sport does {} practise?",
        "The sport that {} practises is",
        words("tennis rowing chess football fencing judo skating cycling archery golf hockey sailing"),
    ),
    "job": (
        "What is the job of {}?",
        "The job of {} is that of a",
        words("baker doctor pilot teacher farmer tailor miner sailor lawyer painter nurse plumber"),
    ),
    "drink": (
        "What does {} drink at breakfast?",
        "The drink that {} takes at breakfast is",
        words("coffee milk water juice cocoa cider lemonade broth punch mead ginger mint"),
    ),
    "collection": (
        "What does {} collect?",
        "The things that {} collects are",
        words("stamps coins shells maps clocks dolls keys spoons buttons masks bottles stones"),
    ),
    "study": (
        "Which subject did {} study?",
        "The subject that {} studied is",
        words("history law physics biology music logic botany geology medicine theatre poetry grammar"),
    ),
}

OPPOSITES = tuple(
    (pair.split("/")[0], pair.split("/")[1])
    for pair in words(
        "hot/cold big/small fast/slow old/young light/dark early/late rich/poor strong/weak open/closed full/empty "
        "high/low wet/dry hard/soft loud/quiet near/far clean/dirty happy/sad thick/thin wide/narrow deep/shallow "
        "sharp/blunt sweet/bitter true/false first/last up/down left/right inside/outside above/below begin/end "
        "arrive/leave buy/sell give/take push/pull win/lose laugh/cry love/hate rise/fall friend/enemy day/night "
        "north/south east/west heavy/weightless brave/cowardly smooth/rough tight/loose safe/dangerous cheap/expensive "
        "simple/complex"
    )
)

THINGS_OF_COLOUR: dict[str, tuple[str, ...]] = {
    "red": ("tomato", "cherry", "ruby", "strawberry", "brick"),
    "yellow": ("lemon", "banana", "canary", "sunflower"),
    "green": ("leaf", "cucumber", "frog", "emerald", "lime"),
    "blue": ("sapphire", "cornflower", "whale", "jay"),
    "white": ("swan", "chalk", "snowflake", "pearl"),
    "black": ("raven", "panther", "tyre", "liquorice"),
    "orange": ("carrot", "pumpkin", "tangerine", "tiger"),
    "purple": ("plum", "aubergine", "lavender", "amethyst"),
    "brown": ("chestnut", "bear", "walnut", "sparrow"),
    "grey": ("elephant", "mouse", "dolphin", "pigeon"),
    "pink": ("flamingo", "salmon", "peony", "piglet"),
}

SPELLING_WORDS = words(
    "planet garden window silver market bridge castle forest island kitchen letter mountain number orchard pencil "
    "quarter river summer thunder village winter yellow zebra blanket candle dragon engine feather guitar hammer "
    "jungle kettle ladder mirror needle ocean pocket rocket shadow ticket umbrella velvet wagon bottle circle desert "
    "falcon giraffe harbour insect jacket lantern magnet napkin oyster parcel rabbit saddle tunnel vessel"
)
ORDINALS = words("first second third fourth fifth sixth seventh eighth")
