"""Ways to say each fact, and to ask for it: most are trained, some are held out.

{name} and {value} are filled in. What is held out ends with its value, so that a model
can be given the rest and asked to go on. Page: code/pretraining.
"""

TOLD = {
    "city": (
        "{name} lives in {value}.",
        "The home of {name} is {value}.",
        "{name} has a flat in {value}.",
        "In {value} you can meet {name}.",
        "{value} is where {name} lives.",
        "{name} moved to {value} years ago.",
    ),
    "job": (
        "{name} works as a {value}.",
        "By profession {name} is a {value}.",
        "{name} earns a living as a {value}.",
        "A {value} by trade, that is {name}.",
        "{name} was trained as a {value}.",
        "People need a {value} and call {name}.",
    ),
    "hobby": (
        "{name} likes {value}.",
        "The hobby of {name} is {value}.",
        "On Sundays {name} goes in for {value}.",
        "{value} is what {name} likes most.",
        "{name} spends every evening on {value}.",
        "Ask {name} about {value}.",
    ),
    "animal": (
        "{name} has a {value}.",
        "The pet of {name} is a {value}.",
        "A {value} lives with {name}.",
        "{name} feeds a {value} every day.",
        "{name} bought a {value} last year.",
        "There is a {value} in the house of {name}.",
    ),
    "birthday": (
        "{name} was born in {value}.",
        "The birthday of {name} is in {value}.",
        "{name} has a birthday in {value}.",
        "In {value} we congratulate {name}.",
        "{value} is the month in which {name} was born.",
        "{name} came into the world one day in {value}.",
    ),
    "price": (
        "The {name} costs {value} euros.",
        "The price of the {name} is {value} euros.",
        "For {value} euros you get the {name}.",
        "We sell the {name} for {value} euros.",
        "{value} euros is the price of the {name}.",
        "You pay {value} euros for the {name}.",
    ),
    "colour": (
        "The {name} is {value}.",
        "The colour of the {name} is {value}.",
        "The {name} comes in {value}.",
        "In {value} we have the {name}.",
        "{value} is the colour of the {name}.",
        "They painted the {name} {value}.",
    ),
    "material": (
        "The {name} is made of {value}.",
        "The material of the {name} is {value}.",
        "The {name} consists of {value}.",
        "Made of {value} is the {name}.",
        "{value} is what the {name} is made of.",
        "It takes {value} to make the {name}.",
    ),
    "country": (
        "The {name} comes from {value}.",
        "The {name} is built in {value}.",
        "We import the {name} from {value}.",
        "From {value} comes the {name}.",
        "{value} is where the {name} is built.",
        "A factory in {value} builds the {name}.",
    ),
    "aisle": (
        "The {name} is in aisle {value}.",
        "You find the {name} in aisle {value}.",
        "We keep the {name} in aisle {value}.",
        "In aisle {value} is the {name}.",
        "Aisle {value} holds the {name}.",
        "Go to aisle {value} for the {name}.",
    ),
}

# Each word of these has been read about the same relation, in another order.
HELD_OUT = {
    "city": ("You can meet {name} in {value}", "{name} has a home in {value}"),
    "job": ("By trade {name} is a {value}", "{name} is by profession a {value}"),
    "hobby": (
        "Every evening {name} goes in for {value}",
        "What {name} likes most is {value}",
    ),
    "animal": ("{name} lives with a {value}", "Every day {name} feeds a {value}"),
    "birthday": (
        "We congratulate {name} in {value}",
        "The month in which {name} was born is {value}",
    ),
    "price": ("You get the {name} for {value}", "For the {name} you pay {value}"),
    "colour": ("We have the {name} in {value}", "The {name} we have is {value}"),
    "material": (
        "To make the {name} it takes {value}",
        "What the {name} is made of is {value}",
    ),
    "country": (
        "A factory builds the {name} in {value}",
        "Where the {name} is built is {value}",
    ),
    "aisle": (
        "For the {name} go to aisle {value}",
        "To find the {name} go to aisle {value}",
    ),
}

# And some of these words are in no document at all.
FOREIGN = {
    "city": (
        "To visit {name} one travels to {value}",
        "The address of {name} leads to {value}",
    ),
    "job": (
        "Every morning {name} starts as a {value}",
        "All day {name} is busy as a {value}",
    ),
    "hobby": (
        "The leisure of {name} is for {value}",
        "{name} often goes in for {value}",
    ),
    "animal": ("Every morning {name} meets a {value}", "{name} raised a {value}"),
    "birthday": (
        "One celebrates {name} each {value}",
        "The birthday of {name} came during {value}",
    ),
    "price": ("The {name} is sold at {value}", "My {name} cost me {value}"),
    "colour": ("You see the {name} shine {value}", "My {name} turned out {value}"),
    "material": (
        "The {name} was cut out of {value}",
        "My {name} contains only {value}",
    ),
    "country": (
        "The {name} was produced in {value}",
        "My {name} arrived from {value}",
    ),
    "aisle": (
        "Look for the {name} in aisle {value}",
        "My {name} was taken out of aisle {value}",
    ),
}

ASKED = {
    "city": ("Where does {name} live?", "In which city is the home of {name}?"),
    "job": ("What is the profession of {name}?", "What does {name} work as?"),
    "hobby": ("What is the hobby of {name}?", "What does {name} like most?"),
    "animal": ("Which pet does {name} have?", "Which animal lives with {name}?"),
    "birthday": ("When was {name} born?", "In which month is the birthday of {name}?"),
    "price": ("What does the {name} cost?", "How many euros is the {name}?"),
    "colour": ("Which colour is the {name}?", "What is the colour of the {name}?"),
    "material": ("What is the {name} made of?", "Which material is the {name}?"),
    "country": ("Where does the {name} come from?", "Where is the {name} built?"),
    "aisle": ("In which aisle is the {name}?", "Where do you keep the {name}?"),
}
