"""Classes, books and sports."""

from rsft.prompts.embedded.template import Template

WORKED = (
    Template(
        family="pages-a-day",
        solutions=("a * b = r0",),
        quantities={"a": (5, 30), "b": (3, 14)},
        wordings=(
            "{name} reads {a} pages a day. How many pages does {he} read in {b} days?",
            "In {b} days, how many pages does {name} read if {he} reads {a} pages a day?",
            "{name} reads for {b} days in a row. Each day {he} reads {a} pages. How many pages "
            "does {he} read in all?",
            "Each day {name} reads {a} pages. How many pages is that in {b} days?",
        ),
    ),
    Template(
        family="book-rest",
        solutions=("b * c = r0 ; a - r0 = r1",),
        quantities={"a": (150, 300), "b": (6, 20), "c": (3, 7)},
        wordings=(
            "A book has {a} pages. {name} reads {b} pages a day for {c} days. How many pages are "
            "left?",
            "{name} reads {b} pages a day. How many pages of a book with {a} pages are left "
            "after {c} days?",
            "For {c} days {name} reads {b} pages a day of a book that has {a} pages. How many "
            "pages does {he} still have to read?",
            "Of the {a} pages of a book, {name} reads {b} pages on each of {c} days. How many "
            "pages are left?",
        ),
    ),
    Template(
        family="chairs-in-hall",
        solutions=("a * b = r0 ; r0 - c = r1",),
        quantities={"a": (5, 15), "b": (6, 15), "c": (4, 25)},
        wordings=(
            "A hall in {town} has {a} rows with {b} {colour} chairs in each. Of these, {c} "
            "chairs are broken. How many good chairs are there?",
            "In a hall in {town} there are {a} rows of {b} {colour} chairs each. {c} chairs are "
            "taken. How many chairs are free?",
            "{name} takes {c} chairs out of a hall. Before that there were {a} rows with {b} "
            "chairs in each. How many chairs are left?",
            "A hall in {town} has {a} rows with {b} {colour} chairs in each, and {c} of the "
            "chairs are taken. How many chairs are free?",
        ),
    ),
    Template(
        family="pencils-shared",
        solutions=("a * b = r0 ; r0 / c = r1",),
        quantities={"a": (2, 9), "b": (6, 24), "c": (3, 12)},
        wordings=(
            "A teacher has {a} {boxes} with {b} {colour} pencils in each and shares them equally "
            "among {c} pupils. How many pencils does each pupil get?",
            "{c} pupils share {a} {boxes} of {b} {colour} pencils each equally. How many pencils "
            "does each pupil get?",
            "{name} shares pencils equally among {c} pupils. There are {a} {boxes} with {b} "
            "pencils in each. How many pencils does each pupil get?",
            "There are {b} {colour} pencils in each of {a} {boxes}. How many pencils does each "
            "of {c} pupils get, if they share them equally?",
        ),
    ),
    Template(
        family="test-points",
        solutions=("a * b = r0 ; c * d = r1 ; r0 + r1 = r2",),
        quantities={"a": (3, 12), "b": (2, 5), "c": (2, 8), "d": (3, 10)},
        wordings=(
            "On {day} the pupils of {town} have a test. It has {a} short questions worth {b} "
            "points each and {c} long questions worth {d} points each. How many points is the "
            "test worth?",
            "Short questions are worth {b} points each and long questions {d} points each. How "
            "many points does {name} get for {a} short and {c} long questions?",
            "{name} answers {a} questions worth {b} points each and {c} questions worth {d} "
            "points each. How many points does {he} get in all?",
            "How many points does {name} get for {a} questions worth {b} points each and {c} "
            "worth {d} points each?",
        ),
    ),
    Template(
        family="library-shelf",
        solutions=("a - b = r0 ; r0 + c = r1", "a + c = r0 ; r0 - b = r1"),
        quantities={"a": (60, 200), "b": (8, 50), "c": (5, 40)},
        wordings=(
            "The library of {town} has {a} books about {animals}. It lends {b} and then {c} come "
            "back. How many books does it have now?",
            "On {day} a library lends {b} books, and on {day2} {c} come back. Before that it had "
            "{a}. How many books does it have now?",
            "There are {a} books on a shelf. {name} takes out {b} and puts {c} back. How many "
            "books are on the shelf now?",
            "{name} puts {c} books on a shelf and takes out {b}. Before that there were {a}. How "
            "many books are on the shelf now?",
        ),
    ),
)

ANSWERS_ONLY = (
    Template(
        family="two-classes",
        solutions=("a + b = r0 ; r0 * c = r1", "a * c = r0 ; b * c = r1 ; r0 + r1 = r2"),
        quantities={"a": (8, 25), "b": (8, 25), "c": (2, 6)},
        wordings=(
            "A class in {town} has {a} girls and {b} boys. Each child gets {c} {colour} pencils. "
            "How many pencils are there in all?",
            "Each child gets {c} {colour} {things}. How many {things} does a class with {a} "
            "girls and {b} boys get?",
            "{a} pupils come on {day} and {b} pupils on {day2}. Each pupil gets {c} {items}. How "
            "many {items} do they get in all?",
            "A teacher has {a} girls and {b} boys in a class and gives {c} {colour} {items} to "
            "each child. How many {items} is that?",
        ),
    ),
    Template(
        family="teams",
        solutions=("a + b = r0 ; r0 / c = r1",),
        quantities={"a": (10, 40), "b": (8, 40), "c": (3, 9), "z": (2, 5)},
        wordings=(
            "A class from {town} has {a} girls and {b} boys. On {day} they make teams of {c} "
            "children each. How many teams are there?",
            "{a} girls and {b} boys come to the {place} on {day} with {z} teachers. The children "
            "make teams of {c}. How many teams are there?",
            "For a game on {day}, all pupils at the {place} make teams of {c}. There are {a} "
            "girls and {b} boys. How many teams are there?",
            "How many teams of {c} children do {a} girls and {b} boys from {town} make?",
        ),
    ),
    Template(
        family="days-to-finish",
        solutions=("a - b = r0 ; r0 / c = r1",),
        quantities={"a": (80, 240), "b": (10, 70), "c": (5, 20)},
        wordings=(
            "A book has {a} pages. {name} has read {b} of them and reads {c} pages a day. How "
            "many days does {he} need for the rest?",
            "{name} reads {c} pages a day. {He} has read {b} of the {a} pages of a book. How "
            "many days does {he} need for the rest?",
            "On {day} {name} reads {b} pages of a book with {a} pages. After that {he} reads {c} "
            "pages a day. How many more days does {he} need?",
            "How many days does {name} need for the rest of a book with {a} pages, if {he} has "
            "read {b} and reads {c} a day?",
        ),
    ),
    Template(
        family="morning-evening",
        solutions=("a + b = r0 ; r0 * c = r1", "a * c = r0 ; b * c = r1 ; r0 + r1 = r2"),
        quantities={"a": (3, 20), "b": (3, 20), "c": (3, 9)},
        wordings=(
            "{name} reads {a} pages in the morning and {b} pages in the evening. How many pages "
            "does {he} read in {c} days?",
            "For {c} days {name} reads {a} pages every morning and {b} pages every evening. How "
            "many pages does {he} read in all?",
            "{name} learns {a} words in the morning and {b} words in the evening of each day. "
            "How many words does {he} learn in {c} days?",
            "In {c} days, how many words does {name} learn with {a} words every morning and {b} "
            "every evening?",
        ),
    ),
    Template(
        family="game-points",
        solutions=("a * b = r0 ; r0 - c = r1",),
        quantities={"a": (4, 12), "b": (3, 10), "c": (2, 11)},
        wordings=(
            "{name} wins {a} games worth {b} points each and then loses {c} points. How many "
            "points does {he} have now?",
            "In a game each {item} is worth {b} points. {name} has {a} {items} but loses {c} "
            "points. How many points does {he} have left?",
            "{name} loses {c} points in a game. Before that {he} won {a} rounds with {b} points "
            "in each. How many points does {he} have now?",
            "{name} answers {a} questions worth {b} points each but loses {c} points at the end. "
            "How many points are left?",
        ),
    ),
    Template(
        family="pupils-on-buses",
        solutions=("a * b = r0 ; r0 + c = r1",),
        quantities={"a": (2, 8), "b": (15, 45), "c": (3, 14)},
        wordings=(
            "{a} {vans} with {b} pupils in each go to the {place}, and {c} teachers walk. How "
            "many people go to the {place} in all?",
            "On {day} {c} teachers and {a} classes with {b} pupils in each go to the {place}. "
            "How many people is that in all?",
            "At a school in {town} there are {b} pupils in each of {a} classes and {c} more in "
            "the hall. How many pupils are there in all?",
            "On {day} {a} classes of {b} pupils each and {c} teachers go to the {place}. How "
            "many people is that in all?",
        ),
    ),
)

UNSEEN = (
    Template(
        family="quiz-average",
        solutions=("a + b = r0 ; r0 + c = r1 ; r1 / 3 = r2",),
        quantities={"a": (5, 40), "b": (5, 40), "c": (5, 40)},
        wordings=(
            "{name} scores {a}, {b} and {c} in three quizzes. What is {his} average score?",
            "What is the average of {name}, whose scores in three quizzes are {a}, {b} and {c}?",
        ),
    ),
    Template(
        family="spelling-lists",
        solutions=("a * b = r0 ; r0 - c = r1 ; r1 / d = r2",),
        quantities={"a": (4, 9), "b": (8, 20), "c": (4, 30), "d": (2, 8)},
        wordings=(
            "{name} must revise {a} lists with {b} spellings apiece. {c} of them {he} knows by "
            "heart. Revising {d} spellings an evening, how many evenings will it take?",
            "Revising {d} spellings an evening, how many evenings will {name} take for {a} lists "
            "of {b}, if {he} knows {c} spellings by heart?",
        ),
    ),
)
