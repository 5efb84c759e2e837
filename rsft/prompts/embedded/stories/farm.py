"""Farms, gardens and kitchens."""

from rsft.prompts.embedded.template import Template

WORKED = (
    Template(
        family="eggs-in-boxes",
        solutions=("a / b = r0",),
        quantities={"a": (24, 120), "b": (3, 12)},
        wordings=(
            "{name} packs {a} eggs into boxes of {b}. How many boxes does {he} fill?",
            "Each box holds {b} eggs. How many boxes does {name} need for {a} eggs?",
            "The hens lay {a} eggs on {day}. {name} packs them into boxes of {b} each. How many "
            "boxes does {he} fill?",
            "How many boxes of {b} eggs each does {name} fill with {a} eggs?",
        ),
    ),
    Template(
        family="eggs-sold",
        solutions=("a - b = r0 ; r0 * c = r1", "a * c = r0 ; b * c = r1 ; r0 - r1 = r2"),
        quantities={"a": (20, 60), "b": (3, 15), "c": (2, 5)},
        wordings=(
            "The hens lay {a} eggs. {name} eats {b} of them and sells the rest for ${c} each. "
            "How much money does {he} get?",
            "{name} sells eggs for ${c} each. Of {a} eggs, {b} are broken, and {he} sells the "
            "rest. How much money does {he} get?",
            "{name} picks {a} {fruits} and keeps {b}. {He} sells the rest for ${c} each. How "
            "much money does {he} get?",
            "{name} keeps {b} of {his} {a} {fruits} and sells the rest at ${c} each. How much "
            "money does {he} get?",
        ),
    ),
    Template(
        family="rows-and-trees",
        solutions=("a * b = r0 ; r0 * c = r1", "b * c = r0 ; a * r0 = r1"),
        quantities={"a": (2, 9), "b": (3, 12), "c": (4, 20)},
        wordings=(
            "A garden in {town} has {a} rows with {b} trees in each. Each tree gives {c} "
            "{fruits}. How many {fruits} are there in all?",
            "Each tree gives {c} {fruits}. How many {fruits} does {name} pick in a garden with "
            "{a} rows of {b} trees?",
            "{name} plants {a} rows of {b} {flowers}. Each one needs {c} drops of water. How "
            "many drops of water are needed?",
            "How many {fruits} does {name} pick from {a} rows with {b} trees in each, if each "
            "tree gives {c}?",
        ),
    ),
    Template(
        family="feed-animals",
        solutions=("a + b = r0 ; r0 * c = r1", "a * c = r0 ; b * c = r1 ; r0 + r1 = r2"),
        quantities={"a": (3, 20), "b": (3, 20), "c": (2, 6)},
        wordings=(
            "A farm has {a} {animals} and {b} {animals2}. Each animal eats {c} kilograms of food "
            "a day. How many kilograms do they eat in a day?",
            "Each animal eats {c} kilograms of food a day. How many kilograms do {a} {animals} "
            "and {b} {animals2} eat in a day?",
            "{name} has {a} {animals} and buys {b} more. Each of them eats {c} {fruits} a day. "
            "How many {fruits} do they eat in a day?",
            "On a farm, {a} {animals} and {b} {animals2} get {c} {fruits} each. How many "
            "{fruits} is that in all?",
        ),
    ),
    Template(
        family="water-tank",
        solutions=("b * c = r0 ; a - r0 = r1",),
        quantities={"a": (80, 200), "b": (2, 9), "c": (3, 8)},
        wordings=(
            "A {colour} tank holds {a} litres of water. The {animals} drink {b} litres an hour. "
            "How many litres are left after {c} hours?",
            "The {animals} drink {b} litres of water an hour for {c} hours. Before that the "
            "{colour} tank held {a} litres. How many litres are left?",
            "{name} has {a} litres of water and gives {b} litres to each of {c} {animals}. How "
            "many litres are left?",
            "From a {colour} tank with {a} litres of water, {c} {animals} drink {b} litres each. "
            "How many litres are left?",
        ),
    ),
    Template(
        family="flower-bunches",
        solutions=("a / b = r0 ; r0 * c = r1",),
        quantities={"a": (24, 96), "b": (3, 12), "c": (3, 9)},
        wordings=(
            "{name} has {a} {flowers} and makes bunches of {b}. {He} sells each bunch for ${c}. "
            "How much money does {he} get?",
            "{name} sells bunches of {b} {flowers} for ${c} each. How much money does {he} get "
            "for {a} {flowers}?",
            "Each bunch of {b} {flowers} costs ${c}. {name} makes bunches from all of {his} {a} "
            "{flowers} and sells them. How much money does {he} get?",
            "At ${c} for a bunch of {b}, how much money does {name} get for {a} {flowers}?",
        ),
    ),
)

ANSWERS_ONLY = (
    Template(
        family="animals-left",
        solutions=("a + b = r0 ; r0 - c = r1", "a - c = r0 ; r0 + b = r1"),
        quantities={"a": (20, 60), "b": (5, 30), "c": (3, 18)},
        wordings=(
            "A farm has {a} {animals}. {name} buys {b} more and then sells {c}. How many "
            "{animals} does the farm have now?",
            "On {day} {name} sells {c} {animals}, and on {day2} {he} buys {b}. Before that {he} "
            "had {a}. How many {animals} does {name} have now?",
            "There are {a} {animals} on a farm near {town}. {b} more are born and {c} are sold. "
            "How many {animals} are there now?",
            "{name} has {a} {animals}, buys {b} and sells {c}. How many {animals} does {he} have "
            "now?",
        ),
    ),
    Template(
        family="fruit-baskets",
        solutions=("a - b = r0 ; r0 / c = r1",),
        quantities={"a": (40, 120), "b": (4, 20), "c": (4, 12), "z": (2, 9)},
        wordings=(
            "{name} picks {a} {fruits}. Of these, {b} are bad, and {he} packs the rest into "
            "baskets of {c}. How many baskets does {he} fill?",
            "{name} picks {a} {fruits} from {z} trees. {He} eats {b} and packs the rest into "
            "baskets of {c}. How many baskets does {he} fill?",
            "Each basket holds {c} {fruits}. {name} picks {a}, keeps {b} and packs the rest. How "
            "many baskets does {he} need?",
            "How many baskets of {c} does {name} fill with {a} {fruits}, if {he} first eats {b} "
            "of them?",
        ),
    ),
    Template(
        family="milk-cans",
        solutions=("a * b = r0 ; r0 / c = r1",),
        quantities={"a": (3, 12), "b": (4, 15), "c": (3, 12)},
        wordings=(
            "{a} {animals} give {b} litres of milk each. {name} fills it into cans of {c} "
            "litres. How many cans does {he} fill?",
            "Each can holds {c} litres. How many cans does {name} need for the milk of {a} "
            "{animals} that give {b} litres each?",
            "{name} has {a} {animals}. Each gives {b} litres of milk, and {he} shares the milk "
            "equally among {c} cans. How many litres go into each can?",
            "How many cans of {c} litres does {name} fill, if {a} {animals} give {b} litres of "
            "milk each?",
        ),
    ),
    Template(
        family="two-orchards",
        solutions=("a * b = r0 ; c * d = r1 ; r0 + r1 = r2",),
        quantities={"a": (2, 9), "b": (4, 15), "c": (2, 9), "d": (4, 15)},
        wordings=(
            "A garden has {a} rows with {b} {fruit} trees in each and {c} rows with {d} {fruit2} "
            "trees in each. How many trees are there in all?",
            "{name} plants {a} rows of {b} {flowers} each and {c} rows of {d} {flowers2} each. "
            "How many flowers does {he} plant in all?",
            "{name} packs {a} baskets with {b} {fruits} each and {c} baskets with {d} {fruits2} "
            "each. How many does {he} pack in all?",
            "How many flowers does {name} have in all in {a} rows of {b} {flowers} each and {c} "
            "rows of {d} {flowers2} each?",
        ),
    ),
    Template(
        family="recipe",
        solutions=("a / b = r0 ; r0 * c = r1",),
        quantities={"a": (6, 48), "b": (2, 8), "c": (3, 12)},
        wordings=(
            "{name} needs {a} {fruits} to make {b} {treats}. How many {fruits} does {he} need to "
            "make {c} {treats}?",
            "How many {fruits} are needed to make {c} {treats}, if {a} {fruits} are needed to "
            "make {b} {treats}?",
            "{name} makes {b} {treats} from {a} eggs. How many eggs does {he} need for {c} "
            "{treats}?",
            "For {b} {treats} {name} needs {a} eggs. How many eggs does {he} need for {c}?",
        ),
    ),
    Template(
        family="seedlings",
        solutions=("a * b = r0 ; r0 - c = r1",),
        quantities={"a": (4, 12), "b": (5, 15), "c": (3, 18)},
        wordings=(
            "{name} plants {a} rows of {b} {flowers} each. Then {c} of them are eaten by a "
            "{animal}. How many {flowers} are left?",
            "In a garden there are {a} rows with {b} {flowers} in each. {name} takes {c} of them "
            "home. How many {flowers} are left?",
            "A {animal} eats {c} {flowers}. Before that there were {a} rows with {b} {flowers} "
            "in each. How many {flowers} are left?",
            "Of {a} rows with {b} {flowers} in each, a {animal} eats {c} {flowers}. How many "
            "{flowers} are left?",
        ),
    ),
)

UNSEEN = (
    Template(
        family="fence-posts",
        solutions=("a + b = r0 ; r0 * 2 = r1", "a * 2 = r0 ; b * 2 = r1 ; r0 + r1 = r2"),
        quantities={"a": (12, 60), "b": (5, 40)},
        wordings=(
            "A meadow near {town} is {a} metres long and {b} metres wide. How many metres of "
            "fence go all the way around it?",
            "{name} fences a meadow {b} metres wide and {a} metres long on every side. What "
            "length of fence does {he} use?",
        ),
    ),
    Template(
        family="honey",
        solutions=("a * b = r0 ; r0 / c = r1 ; r1 * d = r2",),
        quantities={"a": (3, 9), "b": (4, 12), "c": (2, 6), "d": (3, 8)},
        wordings=(
            "Near {town} {a} beehives yield {b} kilograms of honey apiece. Bottled in pots of "
            "{c} kilograms and sold at ${d} a pot, how much does the honey earn?",
            "The honey of {name} is bottled in pots of {c} kilograms, sold at ${d} a pot. How "
            "much do {a} beehives earn that yield {b} kilograms apiece?",
        ),
    ),
)
