"""The words that stories are filled with.

A field of a wording names a column below. ``{items2}`` is a second, different row of the same
table, so that ``{name}`` and ``{name2}`` are two people and ``{his}`` goes with ``{name}``.
"""


def _table(*lines: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(line.split()) for line in lines)


def _words(line: str) -> tuple[tuple[str, ...], ...]:
    return tuple((word,) for word in line.split())


def _people(pronouns: str, names: str) -> tuple[tuple[str, ...], ...]:
    return tuple((name, *pronouns.split()) for name in names.split())


LEXICON: dict[tuple[str, ...], tuple[tuple[str, ...], ...]] = {
    ("name", "He", "he", "his", "him"): (
        *_people("She she her her", "Maya Ana Lena Ruth Zoe Ines Priya Nora Mina Clara Aisha Olga"),
        *_people(
            "She she her her", "Emma Yuki Fatima Greta Sofia Hana Leila Tess Vera Eva Mei Ida"
        ),
        *_people("She she her her", "Alma Rosa Carla Dina Freya Gita Julia Kira Lucia Salma"),
        *_people("He he his him", "Omar Ben Ivan Luis Noah Kofi Ravi Hugo Felix Tariq Sven Marco"),
        *_people(
            "He he his him", "Jack Diego Amir Paul Kenji Oscar Liam Dario Theo Yusuf Erik Leo"
        ),
        *_people("He he his him", "Adam Bruno Carlos Emil Farid George Hamid Jonas Karim Samir"),
    ),
    ("item", "items"): _table(
        "marble marbles",
        "sticker stickers",
        "stamp stamps",
        "coin coins",
        "shell shells",
        "button buttons",
        "bead beads",
        "badge badges",
        "pebble pebbles",
        "card cards",
        "magnet magnets",
        "postcard postcards",
        "token tokens",
        "ribbon ribbons",
    ),
    ("thing", "things"): _table(
        "pen pens",
        "notebook notebooks",
        "brush brushes",
        "mug mugs",
        "scarf scarves",
        "candle candles",
        "kite kites",
        "lamp lamps",
        "hat hats",
        "puzzle puzzles",
        "pillow pillows",
        "blanket blankets",
        "cushion cushions",
        "vase vases",
    ),
    ("treat", "treats"): _table(
        "cookie cookies",
        "muffin muffins",
        "bun buns",
        "tart tarts",
        "pie pies",
        "waffle waffles",
        "cake cakes",
        "pretzel pretzels",
        "brownie brownies",
        "scone scones",
    ),
    ("fruit", "fruits"): _table(
        "pear pears",
        "plum plums",
        "peach peaches",
        "lemon lemons",
        "mango mangoes",
        "melon melons",
        "fig figs",
        "lime limes",
        "quince quinces",
        "date dates",
    ),
    ("flower", "flowers"): _table(
        "rose roses",
        "tulip tulips",
        "daisy daisies",
        "lily lilies",
        "violet violets",
        "poppy poppies",
        "pansy pansies",
        "dahlia dahlias",
    ),
    ("animal", "animals"): _table(
        "goat goats",
        "hen hens",
        "duck ducks",
        "rabbit rabbits",
        "pig pigs",
        "horse horses",
        "donkey donkeys",
        "turkey turkeys",
        "cow cows",
        "lamb lambs",
    ),
    ("box", "boxes"): _table(
        "box boxes",
        "bag bags",
        "basket baskets",
        "crate crates",
        "jar jars",
        "tin tins",
    ),
    ("van", "vans"): _table("van vans", "bus buses", "boat boats", "truck trucks", "tram trams"),
    ("place",): _words(
        "school museum library theatre park market station castle zoo beach harbour cinema stadium"
    ),
    ("town",): _words(
        "Lima Oslo Bern Cairo Delhi Quito Turin Porto Lyon Malmo Kyoto Accra Tunis Riga Cork Perth "
        "Dover Basel Graz Leeds Nairobi Havana Boston Denver"
    ),
    ("day",): _words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday"),
    ("colour",): _words("red blue green yellow white black brown purple"),
}
"""Columns, and the rows of words that fill them together."""
