"""At home and among friends."""

from rsft.prompts.embedded.template import Template

WORKED = (
    Template(
        family="gift-more",
        solutions=("a + b = r0",),
        quantities={"a": (5, 60), "b": (3, 40)},
        wordings=(
            "{name} has {a} {items}. {name2} gives {him} {b} more. How many {items} does {name} "
            "have now?",
            "{name2} gives {name} {b} {items}. Before that {he} had {a}. How many {items} does "
            "{name} have now?",
            "{name} keeps {a} {items} in a {box} and finds {b} more under the bed. How many "
            "{items} is that in all?",
            "{name} adds {b} {items} to the {a} {he} already has in a {box}. How many {items} "
            "are there now?",
        ),
    ),
    Template(
        family="gift-left",
        solutions=("a - b = r0",),
        quantities={"a": (20, 80), "b": (3, 19)},
        wordings=(
            "{name} has {a} {items} and gives {b} of them to {name2}. How many {items} does "
            "{name} have left?",
            "{name} gives {b} {items} to {name2}. Before that {he} had {a}. How many {items} "
            "does {name} have left?",
            "There are {a} {items} in a {box}. {name} takes out {b} of them. How many {items} "
            "are left in the {box}?",
            "{name} loses {b} of {his} {a} {items} on the way home. How many {items} are left?",
        ),
    ),
    Template(
        family="share-rest",
        solutions=("a - b = r0 ; r0 / c = r1",),
        quantities={"a": (20, 90), "b": (2, 20), "c": (2, 9)},
        wordings=(
            "{name} has {a} {items}. {He} keeps {b} and shares the rest equally among {c} "
            "friends. How many {items} does each friend get?",
            "{name} wants to share {a} {items} equally among {c} friends, but first {he} puts "
            "{b} aside. How many {items} does each friend get?",
            "A {box} holds {a} {items}. Of these, {b} are broken, and the rest are shared "
            "equally among {c} children. How many {items} does each child get?",
            "{name} puts {b} of {his} {a} {items} aside and shares the rest equally among {c} "
            "children. How many {items} does each child get?",
        ),
    ),
    Template(
        family="boxes-plus",
        solutions=("a * b = r0 ; r0 + c = r1",),
        quantities={"a": (3, 9), "b": (4, 20), "c": (2, 15)},
        wordings=(
            "{name} has {a} {boxes} with {b} {items} in each, and {c} more {items} on the table. "
            "How many {items} does {he} have in all?",
            "There are {c} {items} on the table and {a} {boxes} with {b} {items} in each. How "
            "many {items} are there in all?",
            "{name} fills {a} {boxes} with {b} {items} each and has {c} {items} left. How many "
            "{items} did {he} have at the start?",
            "Each {box} holds {b} {items}. {name} has {a} full {boxes} and {c} more {items}. How "
            "many {items} is that in all?",
        ),
    ),
    Template(
        family="pool-and-share",
        solutions=("a + b = r0 ; r0 / c = r1",),
        quantities={"a": (8, 50), "b": (6, 40), "c": (2, 9)},
        wordings=(
            "{name} has {a} {items} and {name2} has {b}. They share them all equally among {c} "
            "children. How many {items} does each child get?",
            "{name} and {name2} pack their {items} into {c} {boxes}, the same number in each. "
            "{name} has {a} and {name2} has {b}. How many {items} go into each {box}?",
            "{name} finds {a} {items} on {day} and {b} on {day2}. {He} packs them into {c} "
            "{boxes}, the same number in each. How many {items} go into each {box}?",
            "Into {c} {boxes} {name} packs {a} {items} of {his} own and {b} from {name2}, the "
            "same number in each. How many {items} go into each {box}?",
        ),
    ),
)

ANSWERS_ONLY = (
    Template(
        family="found-then-gave",
        solutions=("a + b = r0 ; r0 - c = r1", "a - c = r0 ; r0 + b = r1"),
        quantities={"a": (20, 60), "b": (5, 30), "c": (3, 18)},
        wordings=(
            "{name} has {a} {items}. {He} finds {b} more and then gives {c} to {name2}. How many "
            "{items} does {name} have now?",
            "{name} gives {c} {items} to {name2} and then finds {b}. Before that {he} had {a}. "
            "How many {items} does {name} have now?",
            "On {day} {name} has {a} {items}. Then {he} buys {b} more and loses {c}. How many "
            "{items} are left?",
            "{name} buys {b} {items}, adds them to {his} {a} and then loses {c}. How many "
            "{items} does {he} have left?",
        ),
    ),
    Template(
        family="older-has-more",
        solutions=("a + b = r0",),
        quantities={"a": (6, 60), "b": (3, 30), "z": (6, 14)},
        wordings=(
            "{name} is {z} years old and has {a} {items}. {name2} has {b} {items} more than "
            "{name}. How many {items} does {name2} have?",
            "{name2} has {b} more {items} than {name}. If {name} has {a}, how many {items} does "
            "{name2} have?",
            "{name} has {a} {items}, which is {b} less than {name2} has. How many {items} does "
            "{name2} have?",
            "How many {items} does {name2} have if {name} has {a} and {name2} has {b} more?",
        ),
    ),
    Template(
        family="three-jars",
        solutions=("a + b = r0 ; r0 + c = r1",),
        quantities={"a": (5, 40), "b": (5, 40), "c": (5, 40)},
        wordings=(
            "{name} has {a} {colour} {items}, {b} {colour2} {items} and {c} grey {items}. How "
            "many {items} does {he} have in all?",
            "One {box} holds {a} {items}, another holds {b} and the last one holds {c}. How many "
            "{items} are there in all?",
            "{name} finds {a} {items} on {day}, {b} on {day2} and {c} the day after. How many "
            "{items} is that in all?",
            "On the table are {a} {colour} {items}, {b} grey ones and {c} {colour2} ones. How "
            "many {items} are there in all?",
        ),
    ),
    Template(
        family="treats-eaten",
        solutions=("a - b = r0 ; r0 - c = r1", "b + c = r0 ; a - r0 = r1"),
        quantities={"a": (30, 80), "b": (3, 14), "c": (3, 14)},
        wordings=(
            "{name} bakes {a} {treats}. {He} eats {b} of them and gives {c} to {name2}. How many "
            "{treats} are left?",
            "{name} eats {b} {treats} and {name2} eats {c}. Before that there were {a} on the "
            "table. How many {treats} are left?",
            "There are {a} {treats} in a {box}. On {day} {name} takes out {b}, and on {day2} "
            "{name2} takes out {c}. How many {treats} are left?",
            "Of the {a} {treats} on the table, {name} takes {b} and {name2} takes {c}. How many "
            "{treats} are left?",
        ),
    ),
    Template(
        family="party-bags",
        solutions=("a * b = r0 ; r0 - c = r1",),
        quantities={"a": (4, 9), "b": (4, 12), "c": (2, 15)},
        wordings=(
            "{name} fills {a} {boxes} with {b} {treats} each for a party. The children eat {c} "
            "of them. How many {treats} are left?",
            "For a party {name} buys {a} {boxes} of {b} {treats} each, but {c} of them are "
            "broken. How many good {treats} are there?",
            "The children eat {c} {treats} at a party. Before that there were {a} {boxes} with "
            "{b} {treats} in each. How many {treats} are left?",
            "{name} has {a} {boxes} of {b} {treats} each and gives {c} {treats} to {name2}. How "
            "many {treats} does {name} have left?",
        ),
    ),
    Template(
        family="photo-album",
        solutions=("a - b = r0 ; r0 / c = r1",),
        quantities={"a": (30, 99), "b": (3, 20), "c": (3, 9)},
        wordings=(
            "{name} has {a} photos. {He} gives {b} to {name2} and puts the rest into an album, "
            "{c} on each page. How many pages does {he} need?",
            "An album has room for {c} photos on each page. {name} takes {a} photos on {day}, "
            "but {b} of them are bad. How many pages do the rest fill?",
            "Of {a} photos, {name} keeps {b} in a {box} and puts the rest into an album with {c} "
            "photos on each page. How many pages does {he} fill?",
            "{name} puts {c} photos on each page of an album. {He} has {a} photos and leaves {b} "
            "of them out. How many pages does {he} need?",
        ),
    ),
    Template(
        family="times-as-many",
        solutions=("a * b = r0 ; r0 + a = r1",),
        quantities={"a": (4, 30), "b": (2, 6)},
        wordings=(
            "{name} has {a} {items}. {name2} has {b} times as many. How many {items} do they "
            "have in all?",
            "{name2} has {b} times as many {items} as {name}, who has {a}. How many {items} do "
            "{name} and {name2} have in all?",
            "There are {a} {items} in a {box} and {b} times as many on the table. How many "
            "{items} are there in all?",
            "How many {items} do {name} and {name2} have in all, if {name} has {a} and {name2} "
            "has {b} times as many?",
        ),
    ),
)

UNSEEN = (
    Template(
        family="candle-burns",
        solutions=("a * b = r0 ; c - r0 = r1",),
        quantities={"a": (2, 4), "b": (3, 8), "c": (34, 60)},
        wordings=(
            "{name} lights a {colour} candle. It is {c} centimetres tall and becomes {a} "
            "centimetres shorter every hour. How tall is it after {b} hours?",
            "After {b} hours, how tall is a {colour} candle of {name} that starts at {c} "
            "centimetres and loses {a} centimetres an hour?",
        ),
    ),
    Template(
        family="tea-party",
        solutions=("a + b = r0 ; r0 * c = r1", "a * c = r0 ; b * c = r1 ; r0 + r1 = r2"),
        quantities={"a": (3, 12), "b": (3, 12), "c": (2, 5)},
        wordings=(
            "{name} invites {a} cousins and {b} neighbours and bakes {c} {treats} for every "
            "guest. How many {treats} does {he} bake?",
            "Every guest of {name} gets {c} {treats}. {a} cousins and {b} neighbours come. How "
            "many {treats} are handed out?",
        ),
    ),
)
