"""The facts of the demo's small world, and for each quiz subject how to draw a question or a statement about them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from demo_names import (
    CITIES,
    COUNTRIES,
    FEASTS,
    GOODS,
    HABITS,
    MONTHS,
    OPPOSITES,
    ORDINALS,
    PEOPLE,
    SPELLING_WORDS,
    THINGS_OF_COLOUR,
)

WORLD_SEED = 23
PRACTICE_SEED = 2025
"""Another world with the same names and other facts; the demo's attention learns on it, then learns no more."""
TRADERS = COUNTRIES[::3]


@dataclass(frozen=True)
class Draft:
    """A question before its choices are put in order, and the same knowledge as a statement.

    `operands` is what makes a computed question (a sum, a sequence, a letter of a word) this one and no other, in an
    order that does not depend on the wording; it is empty where the question asks for a fact of the world.
    """

    subject: str
    text: str
    right: str
    wrong: tuple[str, str, str]
    operands: tuple[str, ...] = ()
    statement: str = ""
    """The statement up to the value that `statement_value` then gives; empty where a subject has none."""
    statement_value: str = ""


def three_others(rng: Random, values: Sequence[str], *excluded: str) -> tuple[str, str, str]:
    """Three distinct values that are none of the excluded ones."""
    first, second, third = rng.sample([value for value in values if value not in excluded], 3)
    return first, second, third


class World:
    """Tables of invented facts, the same for the same seed."""

    def __init__(self, seed: int = WORLD_SEED) -> None:
        rng = Random(seed)
        self.capital = dict(zip(COUNTRIES, rng.sample(CITIES, len(COUNTRIES)), strict=True))
        self.feast_month = {(country, feast): rng.choice(MONTHS) for country in COUNTRIES for feast in FEASTS}
        self.habit = {(person, kind): rng.choice(HABITS[kind][2]) for person in PEOPLE for kind in HABITS}
        self.sold = {(seller, buyer): rng.choice(GOODS) for seller in TRADERS for buyer in TRADERS if seller != buyer}
        self.colour = {thing: colour for colour, things in THINGS_OF_COLOUR.items() for thing in things}

    def capitals(self, rng: Random) -> Draft:
        """The capital of a country, or the country of a capital."""
        country = rng.choice(COUNTRIES)
        city = self.capital[country]
        if rng.random() < 0.7:
            text, right, wrong = f"What is the capital of {country}?", city, three_others(rng, CITIES, city)
            return Draft("capitals", text, right, wrong, (), f"The capital of {country} is", f" {city}.")
        text, right, wrong = f"{city} is the capital of which country?", country, three_others(rng, COUNTRIES, country)
        return Draft("capitals", text, right, wrong, (), f"{city} is the capital of", f" {country}.")

    def festivals(self, rng: Random) -> Draft:
        """The month of a country's feast."""
        country, feast = rng.choice(COUNTRIES), rng.choice(FEASTS)
        month = self.feast_month[country, feast]
        return Draft(
            "festivals",
            f"In which month is the {feast} of {country}?",
            month,
            three_others(rng, MONTHS, month),
            (),
            f"The {feast} of {country} is in",
            f" {month}.",
        )

    def people(self, rng: Random) -> Draft:
        """What a person plays, keeps, eats, drinks, collects, studies or works as."""
        person, kind = rng.choice(PEOPLE), rng.choice(tuple(HABITS))
        question, statement, values = HABITS[kind]
        value = self.habit[person, kind]
        wrong = three_others(rng, values, value)
        return Draft("people", question.format(person), value, wrong, (), statement.format(person), f" {value}.")

    def trade(self, rng: Random) -> Draft:
        """What one country sells to another: one fact for every ordered pair."""
        seller, buyer = rng.sample(TRADERS, 2)
        good = self.sold[seller, buyer]
        text, statement = f"What does {seller} sell to {buyer}?", f"What {seller} sells to {buyer} is"
        return Draft("trade", text, good, three_others(rng, GOODS, good), (), statement, f" {good}.")

    def colours(self, rng: Random) -> Draft:
        """The colour of a thing, or the thing of a colour."""
        thing, colour = rng.choice(tuple(self.colour.items()))
        if rng.random() < 0.6:
            wrong = three_others(rng, tuple(THINGS_OF_COLOUR), colour)
            text = f"What is the usual colour of a {thing}?"
            return Draft("colours", text, colour, wrong, (), f"The usual colour of a {thing} is", f" {colour}.")
        wrong = three_others(rng, tuple(self.colour), *THINGS_OF_COLOUR[colour])
        statement = f"A thing that is usually {colour} is a"
        return Draft("colours", f"Which of these is usually {colour}?", thing, wrong, (), statement, f" {thing}.")

    def opposites(self, rng: Random) -> Draft:
        """The word that means the opposite."""
        pair = rng.choice(OPPOSITES)
        word, opposite = pair if rng.random() < 0.5 else pair[::-1]
        words = tuple(word for pair in OPPOSITES for word in pair)
        wrong = three_others(rng, words, word, opposite)
        text = f"Which word means the opposite of {word}?"
        return Draft("opposites", text, opposite, wrong, (), f"The opposite of {word} is", f" {opposite}.")


def reading(rng: Random) -> Draft:
    """Something that the question itself has just said: no knowledge, only reading."""
    person, good, country = rng.choice(PEOPLE), rng.choice(GOODS), rng.choice(COUNTRIES)
    if rng.random() < 0.5:
        text, right, values = f"{person} bought {good} in {country}. What did {person} buy?", good, GOODS
    else:
        text, right, values = f"{person} bought {good} in {country}. Where was {person}?", country, COUNTRIES
    return Draft("reading", text, right, three_others(rng, values, right))


def addition(rng: Random) -> Draft:
    """The sum of two numbers; the unordered pair is the operands."""
    a, b = rng.randint(2, 40), rng.randint(2, 40)
    total = a + b
    near = [total + step for step in (-10, -3, -2, -1, 1, 2, 3, 10) if total + step > 0]
    first, second, third = (str(number) for number in rng.sample(near, 3))
    operands = (str(min(a, b)), str(max(a, b)))
    text, statement = f"What is {a} + {b}?", f"The sum {a} + {b} is"
    return Draft("addition", text, str(total), (first, second, third), operands, statement, f" {total}.")


def sequences(rng: Random) -> Draft:
    """The next number of a sequence with a constant step; start and step are the operands."""
    start, step = rng.randint(1, 40), rng.randint(2, 9)
    following = start + 3 * step
    near = dict.fromkeys(following + difference for difference in (-step, -2, -1, 1, 2, step))
    first, second, third = rng.sample([str(number) for number in near], 3)
    shown = ", ".join(str(start + position * step) for position in range(3))
    return Draft(
        "sequences",
        f"Which number comes next: {shown}?",
        str(following),
        (first, second, third),
        (str(start), str(step)),
        f"The numbers {shown} are followed by",
        f" {following}.",
    )


def spelling(rng: Random) -> Draft:
    """A letter of a word, asked by its place; word and place are the operands."""
    word = rng.choice(SPELLING_WORDS)
    place = rng.randrange(len(word))
    letter = word[place]
    wrong = three_others(rng, tuple("abcdefghijklmnopqrstuvwxyz"), letter)
    text = f"What is the {ORDINALS[place]} letter of the word {word}?"
    statement = f"The {ORDINALS[place]} letter of the word {word} is"
    return Draft("spelling", text, letter, wrong, (word, str(place)), statement, f" {letter}.")


def subjects_of(world: World) -> dict[str, Callable[[Random], Draft]]:
    """Every subject's name, in the order of the quiz, and the function that draws one of its questions."""
    return {
        "reading": reading,
        "capitals": world.capitals,
        "festivals": world.festivals,
        "people": world.people,
        "trade": world.trade,
        "colours": world.colours,
        "opposites": world.opposites,
        "addition": addition,
        "sequences": sequences,
        "spelling": spelling,
    }
