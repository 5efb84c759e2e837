"""Workshops, wages and time."""

from rsft.prompts.embedded.template import Template

WORKED = (
    Template(
        family="wage",
        solutions=("a * b = r0 ; r0 * c = r1", "b * c = r0 ; a * r0 = r1"),
        quantities={"a": (6, 20), "b": (3, 9), "c": (2, 6)},
        wordings=(
            "{name} earns ${a} an hour and works {b} hours a day. How much does {he} earn in {c} "
            "days?",
            "In {c} days, how much does {name} earn, if {he} works {b} hours a day for ${a} an "
            "hour?",
            "{name} works {b} hours a day for {c} days and earns ${a} an hour. How much does "
            "{he} earn in all?",
            "How much does {name} earn in {c} days with {b} hours a day at ${a} an hour?",
        ),
    ),
    Template(
        family="workers-share",
        solutions=("a / b = r0",),
        quantities={"a": (24, 160), "b": (3, 12)},
        wordings=(
            "In {town} {b} workers make {a} {things} in a day. Each of them makes the same "
            "number. How many {things} does each worker make?",
            "A factory in {town} makes {a} {things} in {b} hours. How many {things} does it make "
            "in an hour?",
            "In {b} days {name} makes {a} {things}, the same number each day. How many {things} "
            "does {he} make in a day?",
            "How many {colour} {things} does a factory make in an hour, if it makes {a} in {b} "
            "hours?",
        ),
    ),
    Template(
        family="orders",
        solutions=("b * c = r0 ; a - r0 = r1",),
        quantities={"a": (100, 300), "b": (6, 18), "c": (3, 7)},
        wordings=(
            "A factory in {town} has to make {a} {things}. It makes {b} a day. How many {things} "
            "are left after {c} days?",
            "A factory in {town} makes {b} {things} a day. After {c} days, how many of {a} "
            "{things} are left to make?",
            "{name} has to paint {a} {things}. {He} paints {b} an hour for {c} hours. How many "
            "{things} are left?",
            "Of {a} {things}, {name} paints {b} on each of {c} days. How many {things} are left?",
        ),
    ),
    Template(
        family="bonus",
        solutions=("a * b = r0 ; r0 + c = r1",),
        quantities={"a": (6, 20), "b": (4, 30), "c": (10, 50)},
        wordings=(
            "{name} earns ${a} an hour. {He} works {b} hours and then gets ${c} more. How much "
            "money does {he} get in all?",
            "On {day} {name} gets ${c} from {name2} and works {b} hours for ${a} an hour. How "
            "much money does {he} get in all?",
            "{name} works {b} hours for ${a} an hour. {He} already has ${c}. How much money does "
            "{he} have now?",
            "With ${c} in a {box}, {name} works {b} hours for ${a} an hour. How much money does "
            "{he} have now?",
        ),
    ),
    Template(
        family="ribbon",
        solutions=("a - b = r0 ; r0 / c = r1",),
        quantities={"a": (20, 90), "b": (2, 18), "c": (2, 8)},
        wordings=(
            "A ribbon is {a} metres long. {name} cuts off {b} metres and cuts the rest into "
            "pieces of {c} metres. How many pieces does {he} get?",
            "{name} cuts a ribbon into pieces of {c} metres. It is {a} metres long, but first "
            "{he} cuts off {b} metres. How many pieces does {he} get?",
            "{name} needs {c} metres of cloth for each {thing}. {He} has {a} metres and gives "
            "{b} to {name2}. How many {things} can {he} make?",
            "Of {a} metres of cloth, {b} are bad. {name} needs {c} metres for each {thing}. How "
            "many {things} can {he} make?",
        ),
    ),
)

ANSWERS_ONLY = (
    Template(
        family="two-machines",
        solutions=("a + b = r0 ; r0 * c = r1", "a * c = r0 ; b * c = r1 ; r0 + r1 = r2"),
        quantities={"a": (5, 30), "b": (5, 30), "c": (2, 9)},
        wordings=(
            "One machine makes {a} {colour} {things} an hour and another makes {b}. How many "
            "{things} do they make in {c} hours?",
            "In {c} hours, how many {colour} {things} do two machines make, if one makes {a} an "
            "hour and the other makes {b}?",
            "Each hour {name} makes {a} {things} and {name2} makes {b}. How many {things} do "
            "they make in {c} hours?",
            "{name} makes {a} {things} a day and {name2} makes {b} a day. How many {things} do "
            "they make in {c} days?",
        ),
    ),
    Template(
        family="pay-after-tax",
        solutions=("a * b = r0 ; r0 - c = r1",),
        quantities={"a": (8, 20), "b": (4, 12), "c": (5, 30)},
        wordings=(
            "{name} works {b} hours for ${a} an hour and pays ${c} for the bus. How much money "
            "does {he} have left?",
            "{name} earns ${a} an hour and works {b} hours. Then {he} spends ${c} on food. How "
            "much money is left?",
            "On {day} {name} pays ${c} for lunch and works {b} hours for ${a} an hour. How much "
            "money does {he} have left?",
            "How much money is left, if {name} works {b} hours at ${a} an hour and spends ${c}?",
        ),
    ),
    Template(
        family="machine-hours",
        solutions=("a * b = r0 ; r0 / c = r1",),
        quantities={"a": (4, 20), "b": (3, 12), "c": (3, 12)},
        wordings=(
            "A machine makes {a} {things} an hour for {b} hours. {name} packs them into {boxes} "
            "of {c}. How many {boxes} does {he} fill?",
            "In {b} hours a machine makes {a} {things} an hour. {name} packs them into {c} "
            "{boxes}, the same number in each. How many {things} go into each {box}?",
            "Each {box} holds {c} {things}. A machine makes {a} an hour. How many {boxes} does "
            "it fill in {b} hours?",
            "How many {boxes} of {c} does a machine fill in {b} hours, if it makes {a} {things} "
            "an hour?",
        ),
    ),
    Template(
        family="orders-rest",
        solutions=("a - b = r0 ; r0 / c = r1",),
        quantities={"a": (60, 240), "b": (10, 50), "c": (4, 16), "z": (3, 9)},
        wordings=(
            "A factory in {town} has to make {a} {things}. It has made {b} and makes {c} a day. "
            "How many days does it need for the rest?",
            "A factory in {town} with {z} workers makes {c} {things} a day. It has made {b} of "
            "{a} {things}. How many days does it need for the rest?",
            "{name} has to paint {a} {things}. {name2} paints {b} of them, and {name} paints {c} "
            "an hour. How many hours does {name} need?",
            "How many days does a factory in {town} need for the rest of {a} {things}, if it has "
            "made {b} and makes {c} a day?",
        ),
    ),
    Template(
        family="joint-work",
        solutions=("a + b = r0 ; c / r0 = r1",),
        quantities={"a": (4, 20), "b": (4, 20), "c": (48, 240)},
        wordings=(
            "One machine makes {a} {colour} {things} an hour and another makes {b}. How many "
            "hours do they need for {c} {things}?",
            "{name} and {name2} have to paint {c} {things}. Each hour {name} paints {a} and "
            "{name2} paints {b}. How many hours do they need?",
            "{name} saves ${a} a week and {name2} saves ${b} a week. They want a tent that costs "
            "${c}. How many weeks do they need?",
            "How many hours do two machines need for {c} {colour} {things}, if one makes {a} an "
            "hour and the other makes {b}?",
        ),
    ),
    Template(
        family="two-jobs",
        solutions=("a * b = r0 ; c * d = r1 ; r0 + r1 = r2",),
        quantities={"a": (6, 20), "b": (2, 9), "c": (6, 20), "d": (2, 9)},
        wordings=(
            "{name} works {b} hours for ${a} an hour and {d} hours for ${c} an hour. How much "
            "does {he} earn in all?",
            "{name} earns ${a} an hour for {b} hours, and {name2} earns ${c} an hour for {d} "
            "hours. How much do they earn in all?",
            "On {day} {name} works {b} hours at ${a} an hour. On {day2} {he} works {d} hours at "
            "${c} an hour. How much does {he} earn in all?",
            "How much does {name} earn in all for {b} hours at ${a} an hour and {d} hours at "
            "${c} an hour?",
        ),
    ),
    Template(
        family="stock",
        solutions=("a + b = r0 ; r0 - c = r1", "a - c = r0 ; r0 + b = r1"),
        quantities={"a": (30, 90), "b": (10, 40), "c": (5, 28)},
        wordings=(
            "A shop has {a} {things}. On {day} {b} more come, and on {day2} it sells {c}. How "
            "many {things} does the shop have now?",
            "A shop sells {c} {things} on {day}. Before that it had {a}, and {b} more come on "
            "{day2}. How many {things} does it have now?",
            "{name} makes {b} {things} and sells {c}. Before that {he} had {a}. How many "
            "{things} does {he} have now?",
            "A factory in {town} has {a} {things}, makes {b} more and sells {c}. How many "
            "{things} does it have now?",
        ),
    ),
)

UNSEEN = (
    Template(
        family="paint-walls",
        solutions=("a * b = r0 ; r0 - c = r1 ; r1 * d = r2",),
        quantities={"a": (4, 12), "b": (2, 5), "c": (2, 6), "d": (3, 9)},
        wordings=(
            "{name} paints a wall. It is {a} metres wide and {b} metres high and has a window of "
            "{c} square metres. Paint is ${d} per square metre. What is the price of painting "
            "the wall?",
            "Paint is ${d} per square metre. What is the price for {name} of painting a wall {a} "
            "metres wide and {b} metres high around a window of {c} square metres?",
        ),
    ),
    Template(
        family="phone-plan",
        solutions=("a - b = r0 ; r0 * c = r1 ; r1 + d = r2",),
        quantities={"a": (60, 120), "b": (20, 50), "c": (2, 5), "d": (10, 40)},
        wordings=(
            "The phone plan of {name} is ${d} monthly with {b} minutes included. Further minutes "
            "are ${c} apiece. What is the bill for a month with {a} minutes?",
            "What is the bill for {a} minutes in a month, if the phone plan of {name} is ${d} "
            "with {b} minutes included and further ones are ${c} apiece?",
        ),
    ),
)
