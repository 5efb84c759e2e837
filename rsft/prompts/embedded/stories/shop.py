"""Buying, selling and saving."""

from rsft.prompts.embedded.template import Template

WORKED = (
    Template(
        family="price-times",
        solutions=("a * b = r0",),
        quantities={"a": (2, 12), "b": (3, 15)},
        wordings=(
            "{name} buys {a} {things}. Each {thing} costs ${b}. How much does {he} pay?",
            "Each {thing} costs ${b}. How much does {name} pay for {a} {things}?",
            "A shop sells {things} for ${b} each. On {day} {name} buys {a} of them. How much "
            "does {he} spend?",
            "At ${b} each, how much does {name} pay for {a} {things}?",
        ),
    ),
    Template(
        family="change-back",
        solutions=("a * b = r0 ; c - r0 = r1",),
        quantities={"a": (2, 6), "b": (2, 9), "c": (40, 100)},
        wordings=(
            "{name} has ${c} and buys {a} {things} for ${b} each. How much money does {he} have "
            "left?",
            "{name} buys {a} {things} that cost ${b} each and pays with ${c}. How much change "
            "does {he} get?",
            "Each {thing} costs ${b}. {name} pays for {a} of them with ${c}. How much change "
            "does {he} get?",
            "From ${c}, {name} pays for {a} {things} at ${b} each. How much money is left?",
        ),
    ),
    Template(
        family="two-kinds",
        solutions=("a * b = r0 ; c * d = r1 ; r0 + r1 = r2",),
        quantities={"a": (2, 9), "b": (2, 12), "c": (2, 9), "d": (2, 12)},
        wordings=(
            "{name} buys {a} {things} for ${b} each and {c} {things2} for ${d} each. How much "
            "does {he} pay in all?",
            "A {thing} costs ${b} and a {thing2} costs ${d}. How much do {a} {things} and {c} "
            "{things2} cost in all?",
            "A shop sells {a} {things} at ${b} each on {day} and {c} {things2} at ${d} each on "
            "{day2}. How much money does it take in all?",
            "What do {a} {things} at ${b} each and {c} {things2} at ${d} each cost in all?",
        ),
    ),
    Template(
        family="save-for",
        solutions=("a - b = r0 ; r0 / c = r1",),
        quantities={"a": (40, 150), "b": (5, 38), "c": (3, 12)},
        wordings=(
            "{name} wants a bicycle that costs ${a}. {He} has ${b} and saves ${c} a week. How "
            "many weeks does {he} have to save?",
            "{name} saves ${c} a week for a tent that costs ${a}. {He} already has ${b}. How "
            "many weeks does {he} have to save?",
            "A guitar costs ${a}. {name2} gives {name} ${b}, and {name} saves ${c} a week. How "
            "many weeks does {he} need?",
            "With ${b} in a {box} and ${c} more every week, how many weeks does {name} need for "
            "a tent that costs ${a}?",
        ),
    ),
    Template(
        family="sale-price",
        solutions=("a - b = r0 ; r0 * c = r1", "a * c = r0 ; b * c = r1 ; r0 - r1 = r2"),
        quantities={"a": (12, 40), "b": (2, 9), "c": (2, 9)},
        wordings=(
            "A {thing} costs ${a}. On {day} each one is ${b} cheaper. How much does {name} pay "
            "for {c} {things} on {day}?",
            "{name} buys {c} {things}. Each {thing} costs ${a}, but today it is ${b} cheaper. "
            "How much does {he} pay?",
            "A shop in {town} takes ${b} off the price of every {thing}. Before that each one "
            "costs ${a}. How much do {c} {things} cost now?",
            "On {day} every {thing} is ${b} cheaper than its old price of ${a}. How much do {c} "
            "of them cost?",
        ),
    ),
)

ANSWERS_ONLY = (
    Template(
        family="split-bill",
        solutions=("a + b = r0 ; r0 / c = r1",),
        quantities={"a": (15, 80), "b": (6, 40), "c": (2, 8)},
        wordings=(
            "{name} and {his} friends eat at a cafe. The food costs ${a} and the drinks cost "
            "${b}. The {c} of them share the bill equally. How much does each friend pay?",
            "The food costs ${a} and the drinks cost ${b}. {name} and {his} friends share the "
            "bill equally, and there are {c} of them. How much does each friend pay?",
            "A gift for {name} costs ${a} and the card costs ${b}. {c} friends share the cost "
            "equally. How much does each friend pay?",
            "The bill of ${a} for food and ${b} for drinks is shared equally among {name} and "
            "{his} friends, {c} people in all. How much does each friend pay?",
        ),
    ),
    Template(
        family="fruit-bought",
        solutions=("a * b = r0",),
        quantities={"a": (3, 12), "b": (1.5, 6.5, 0.5), "z": (2, 9)},
        grain=0.5,
        wordings=(
            "{name} buys {a} bags of {fruits}. Each bag weighs {b} kilograms. How many kilograms "
            "of {fruits} does {he} buy?",
            "Each bag of {fruits} weighs {b} kilograms and costs ${z}. {name} buys {a} bags. How "
            "many kilograms do they weigh?",
            "A shop sells {fruits} in bags of {b} kilograms. On {day} {name} buys {a} bags. How "
            "many kilograms is that?",
            "How many kilograms do {a} bags of {fruits} from {town} weigh, if each one weighs "
            "{b} kilograms?",
        ),
    ),
    Template(
        family="spend-twice",
        solutions=("a - b = r0 ; r0 - c = r1", "b + c = r0 ; a - r0 = r1"),
        quantities={"a": (50, 120), "b": (5, 24), "c": (5, 24)},
        wordings=(
            "{name} has ${a}. {He} pays ${b} for a {thing} and ${c} for a {thing2}. How much "
            "money does {he} have left?",
            "A {thing} costs ${b} and a {thing2} costs ${c}. {name} buys both and pays with "
            "${a}. How much change does {he} get?",
            "{name} spends ${b} on {day} and ${c} on {day2}. Before that {he} had ${a}. How much "
            "money is left?",
            "From ${a}, {name} spends ${b} on food and ${c} on drinks. How much money is left?",
        ),
    ),
    Template(
        family="stall-profit",
        solutions=("a * b = r0 ; r0 - c = r1",),
        quantities={"a": (5, 15), "b": (3, 9), "c": (4, 14)},
        wordings=(
            "{name} sells {a} {treats} for ${b} each. It cost {him} ${c} to bake them. How much "
            "money does {he} make?",
            "It costs {name} ${c} to make {a} {things}. {He} sells each {thing} for ${b}. How "
            "much money does {he} make?",
            "{name} sells {a} {things} at ${b} each on {day} and pays ${c} for the table. How "
            "much money does {he} have left?",
            "After paying ${c} for a table, {name} sells {a} {treats} at ${b} each. How much "
            "money does {he} make?",
        ),
    ),
    Template(
        family="delivery-fee",
        solutions=("a * b = r0 ; r0 + c = r1",),
        quantities={"a": (3, 9), "b": (4, 15), "c": (2, 12)},
        wordings=(
            "{name} orders {a} {things} for ${b} each and pays ${c} to have them sent home. How "
            "much does {he} pay in all?",
            "It costs ${c} to send a box of {things}. {name} orders {a} of them at ${b} each. "
            "How much does {he} pay in all?",
            "Each {thing} costs ${b} and the box costs ${c}. How much does {name} pay for {a} "
            "{things} in one box?",
            "For {a} {things} at ${b} each and a box that costs ${c}, how much does {name} pay "
            "in all?",
        ),
    ),
    Template(
        family="price-of-one",
        solutions=("a - b = r0 ; r0 / c = r1",),
        quantities={"a": (30, 100), "b": (4, 24), "c": (2, 9)},
        wordings=(
            "{name} pays ${a} for {c} {things} and a clock. The clock costs ${b}. How much does "
            "each {thing} cost?",
            "{name} has ${a}. After {he} buys {c} {things}, {he} has ${b} left. How much does "
            "each {thing} cost?",
            "{name} pays with ${a} and gets ${b} change for {c} {things}. How much does each "
            "{thing} cost?",
            "How much does each {thing} cost, if {name} pays ${a} for {c} of them and a clock, "
            "and the clock costs ${b}?",
        ),
    ),
    Template(
        family="boxes-of-goods",
        solutions=("a * b = r0 ; r0 * c = r1", "b * c = r0 ; a * r0 = r1"),
        quantities={"a": (2, 8), "b": (3, 12), "c": (2, 6)},
        wordings=(
            "{name} buys {a} {boxes} with {b} {things} in each. Each {thing} costs ${c}. How "
            "much does {he} pay?",
            "Each {thing} costs ${c}. How much does {name} pay for {a} {boxes} with {b} {things} "
            "in each?",
            "A shop sells {things} for ${c} each, in {boxes} of {b}. On {day} {name} buys {a} "
            "{boxes}. How much does {he} spend?",
            "At ${c} a {thing}, how much do {a} {boxes} of {b} {things} cost?",
        ),
    ),
)

UNSEEN = (
    Template(
        family="ticket-groups",
        solutions=("a * b = r0 ; c * d = r1 ; r0 - r1 = r2",),
        quantities={"a": (6, 12), "b": (8, 15), "c": (2, 5), "d": (3, 7)},
        wordings=(
            "Tickets for the {place} in {town} cost ${b} for adults and ${d} for pupils. How "
            "much more do {a} adults pay than {c} pupils?",
            "{a} adults pay ${b} each to enter the {place} in {town}, and {c} pupils pay ${d} "
            "each. By how much do the adults pay more?",
        ),
    ),
    Template(
        family="rent-a-boat",
        solutions=("a * b = r0 ; r0 + c = r1 ; r1 / d = r2",),
        quantities={"a": (4, 12), "b": (2, 6), "c": (6, 30), "d": (2, 6)},
        wordings=(
            "Renting a {colour} boat in {town} costs ${c} plus ${a} an hour. {d} people rent it "
            "for {b} hours and split the rent evenly. What is the share of each?",
            "In {town} a {colour} boat is rented for {b} hours at ${a} an hour plus ${c} for "
            "insurance. If {d} people split the rent evenly, what is the share of each?",
        ),
    ),
)
