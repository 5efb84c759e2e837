"""Journeys, buses and museums."""

from rsft.prompts.embedded.template import Template

WORKED = (
    Template(
        family="speed-time",
        solutions=("a * b = r0",),
        quantities={"a": (20, 90), "b": (1.5, 6.5, 0.5)},
        grain=0.5,
        wordings=(
            "A {van} to {town} travels {a} kilometres an hour. How many kilometres does it "
            "travel in {b} hours?",
            "How many kilometres does a {colour} {van} travel in {b} hours at {a} kilometres an "
            "hour?",
            "{name} drives a {van} for {b} hours at {a} kilometres an hour. How many kilometres "
            "does {he} travel?",
            "In {b} hours at {a} kilometres an hour, how many kilometres does a {van} to {town} "
            "travel?",
        ),
    ),
    Template(
        family="bus-stops",
        solutions=("a - b = r0 ; r0 + c = r1", "a + c = r0 ; r0 - b = r1"),
        quantities={"a": (20, 60), "b": (3, 18), "c": (2, 20)},
        wordings=(
            "There are {a} people on a {van}. At the {place} {b} get off and {c} get on. How "
            "many people are on the {van} now?",
            "At the {place} {c} people get on a {van} and {b} get off. Before that there were "
            "{a} people on it. How many are there now?",
            "A {van} starts with {a} people. {b} get off at the {place}, and {c} get on at the "
            "{place2}. How many people are on it now?",
            "A {van} with {a} people stops at the {place}, where {c} get on and {b} get off. How "
            "many people are on it now?",
        ),
    ),
    Template(
        family="trip-rest",
        solutions=("a - b = r0 ; r0 - c = r1", "b + c = r0 ; a - r0 = r1"),
        quantities={"a": (90, 300), "b": (15, 44), "c": (15, 44)},
        wordings=(
            "{name} travels {a} kilometres. {He} drives {b} kilometres before lunch and {c} "
            "after it. How many kilometres are left?",
            "{name} drives {b} kilometres on {day} and {c} on {day2}. The trip is {a} kilometres "
            "long. How many kilometres are left?",
            "It is {a} kilometres to the {place}. {name} walks {b} kilometres and drives {c}. "
            "How many kilometres are left?",
            "Of the {a} kilometres to the {place}, {name} drives {b} on {day} and {c} on {day2}. "
            "How many kilometres are left?",
        ),
    ),
    Template(
        family="museum-visit",
        solutions=("a * b = r0 ; r0 + c = r1",),
        quantities={"a": (3, 12), "b": (4, 15), "c": (5, 25)},
        wordings=(
            "On {day} {a} friends visit the {place}. Each ticket costs ${b}, and the guide costs "
            "${c}. How much do they pay in all?",
            "A guide at the {place} in {town} costs ${c}, and each ticket costs ${b}. How much "
            "do {a} friends pay in all?",
            "{name} buys {a} tickets for the {place} at ${b} each and a map for ${c}. How much "
            "does {he} pay in all?",
            "With a map for ${c}, how much does {name} pay in all for {a} tickets at ${b} each?",
        ),
    ),
    Template(
        family="seats-needed",
        solutions=("a + b = r0 ; r0 / c = r1",),
        quantities={"a": (20, 90), "b": (6, 40), "c": (6, 20)},
        wordings=(
            "{a} pupils and {b} teachers travel to the {place}. Each {van} has {c} seats. How "
            "many {vans} do they need?",
            "Each {van} to {town} has {c} seats. How many {vans} do {a} pupils and {b} teachers "
            "need?",
            "To the {place} go {a} girls and {b} boys in {vans} with {c} seats each. How many "
            "{vans} do they need?",
            "How many {vans} with {c} seats each do {a} girls and {b} boys from {town} need?",
        ),
    ),
)

ANSWERS_ONLY = (
    Template(
        family="fuel",
        solutions=("a / b = r0 ; r0 * c = r1",),
        quantities={"a": (60, 300), "b": (5, 20), "c": (2, 6)},
        wordings=(
            "A {colour} {van} travels {b} kilometres on a litre of fuel. A litre costs ${c}. How "
            "much does the fuel for {a} kilometres cost?",
            "{name} drives {a} kilometres. The {van} needs a litre of fuel for every {b} "
            "kilometres, and a litre costs ${c}. How much does the fuel cost?",
            "A litre of fuel costs ${c} and lasts for {b} kilometres. How much does {name} pay "
            "for a trip of {a} kilometres?",
            "For a trip of {a} kilometres to {town}, how much does the fuel cost at ${c} a "
            "litre, if a litre lasts for {b} kilometres?",
        ),
    ),
    Template(
        family="hours-on-road",
        solutions=("a / b = r0",),
        quantities={"a": (60, 400), "b": (20, 80)},
        wordings=(
            "A {van} to {town} travels {a} kilometres at {b} kilometres an hour. How many hours "
            "does it need?",
            "At {b} kilometres an hour, how many hours does {name} need for {a} kilometres?",
            "It is {a} kilometres to the {place}. {name} drives {b} kilometres an hour. How many "
            "hours does {he} need?",
            "How many hours does a {colour} {van} need for {a} kilometres, if it travels {b} "
            "kilometres an hour?",
        ),
    ),
    Template(
        family="two-legs",
        solutions=("a * b = r0 ; c * d = r1 ; r0 + r1 = r2",),
        quantities={"a": (20, 60), "b": (2, 5), "c": (3, 18), "d": (2, 5)},
        wordings=(
            "{name} drives {a} kilometres an hour for {b} hours and walks {c} kilometres an hour "
            "for {d} hours. How many kilometres is that in all?",
            "A {colour} {van} travels for {b} hours at {a} kilometres an hour and for {d} hours "
            "at {c} kilometres an hour. How many kilometres is that in all?",
            "{name} rides {c} kilometres on each of {d} days and drives {a} kilometres on each "
            "of {b} days. How many kilometres is that in all?",
            "How many kilometres is it in all, if a {colour} {van} travels {b} hours at {a} "
            "kilometres an hour and {d} hours at {c}?",
        ),
    ),
    Template(
        family="rest-in-days",
        solutions=("a - b = r0 ; r0 / c = r1",),
        quantities={"a": (100, 400), "b": (20, 80), "c": (10, 40)},
        wordings=(
            "It is {a} kilometres to the sea. {name} drives {b} kilometres and then walks {c} "
            "kilometres a day. How many days does {he} walk?",
            "{name} wants to walk {a} kilometres. {He} has walked {b} and walks {c} kilometres a "
            "day. How many days does {he} need for the rest?",
            "{name} rides {c} kilometres a day. After {b} of {a} kilometres, how many more days "
            "does {he} need for the rest?",
            "How many days does {name} need for the rest of {a} kilometres, if {he} has walked "
            "{b} and walks {c} a day?",
        ),
    ),
    Template(
        family="empty-seats",
        solutions=("a * b = r0 ; r0 - c = r1",),
        quantities={"a": (3, 9), "b": (12, 40), "c": (8, 30)},
        wordings=(
            "{a} {vans} with {b} seats each go to the {place}. {c} of the seats are free. How "
            "many people go to the {place}?",
            "There are {a} {vans} to {town} with {b} seats in each. {c} people get on. How many "
            "seats are free?",
            "{c} people travel to the {place} in {a} {vans} with {b} seats each. How many seats "
            "are free?",
            "How many seats are free, if {c} people get on {a} {vans} to {town} with {b} seats "
            "in each?",
        ),
    ),
    Template(
        family="round-trip",
        solutions=("a + b = r0 ; r0 * c = r1", "a * c = r0 ; b * c = r1 ; r0 + r1 = r2"),
        quantities={"a": (2, 15), "b": (2, 15), "c": (3, 9)},
        wordings=(
            "Each day {name} rides {a} kilometres to the {place} and {b} kilometres home. How "
            "many kilometres does {he} ride in {c} days?",
            "In {c} days, how many kilometres does {name} ride, if {he} rides {a} kilometres "
            "every morning and {b} every evening?",
            "{name} walks {a} kilometres and rides {b} kilometres a day. How many kilometres is "
            "that in {c} days?",
            "{name} rides {a} kilometres to the {place} and {b} home, {c} days in a row. How "
            "many kilometres is that in all?",
        ),
    ),
    Template(
        family="cases-and-weight",
        solutions=("a * b = r0 ; c - r0 = r1",),
        quantities={"a": (3, 8), "b": (4, 12), "c": (100, 200)},
        wordings=(
            "A {van} holds {c} kilograms. {name} packs {a} {boxes} of {b} kilograms each into "
            "it. How many more kilograms does it hold?",
            "{name} packs {a} {boxes} that weigh {b} kilograms each into a {van}. The {van} "
            "holds {c} kilograms. How many more kilograms does it hold?",
            "Each {box} weighs {b} kilograms. {a} of them are on a {van} that holds {c} "
            "kilograms. How many more kilograms does it hold?",
            "How many more kilograms does a {van} for {c} kilograms hold, if {a} {boxes} of {b} "
            "kilograms each are on it?",
        ),
    ),
)

UNSEEN = (
    Template(
        family="ferry-crossings",
        solutions=("a * b = r0 ; r0 * 7 = r1", "b * 7 = r0 ; a * r0 = r1"),
        quantities={"a": (3, 9), "b": (12, 50)},
        wordings=(
            "A ferry crosses the bay of {town} {a} times daily, carrying {b} passengers each "
            "time. How many passengers cross in a week?",
            "Carrying {b} passengers each time, how many cross the bay of {town} in a week on a "
            "ferry that sails {a} times daily?",
        ),
    ),
    Template(
        family="meeting-trains",
        solutions=("a + b = r0 ; c / r0 = r1",),
        quantities={"a": (30, 80), "b": (30, 80), "c": (120, 640)},
        wordings=(
            "Two trains, one from {town}, are {c} kilometres apart and run towards each other "
            "with speeds of {a} and {b} kilometres per hour. When do they meet, in hours?",
            "With speeds of {a} and {b} kilometres per hour, when do a train from {town} and one "
            "from {town2} meet that are {c} kilometres apart, in hours?",
        ),
    ),
)
