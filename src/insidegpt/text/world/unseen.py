"""Ways to say a fact that no document uses, each ending with the value.

A model can be given the rest and asked to go on. Page: code/pretraining.
"""

# Each word of these has been read about the same relation, in another order.
HELD_OUT = {
    "city": (
        "You can meet {name} in {value}",
        "{name} has a home in {value}",
        "The flat of {name} is in {value}",
    ),
    "job": (
        "The trade of {name} is that of a {value}",
        "{name} is by profession a {value}",
        "{name} is a trained {value}",
    ),
    "hobby": (
        "Every evening of {name} is for {value}",
        "{name} spends Sundays on {value}",
    ),
    "animal": (
        "{name} lives with a {value}",
        "Every day {name} feeds a {value}",
        "Last year {name} bought a {value}",
    ),
    "birthday": (
        "We congratulate {name} in {value}",
        "{name} came into the world in {value}",
    ),
    "price": (
        "You get the {name} for {value}",
        "For the {name} you pay {value}",
        "We sell you the {name} for {value}",
    ),
    "colour": (
        "We have the {name} in {value}",
        "The {name} we have is {value}",
        "They painted the {name} in {value}",
    ),
    "material": (
        "To make the {name} it takes {value}",
        "The {name} we make is made of {value}",
    ),
    "country": (
        "A factory builds the {name} in {value}",
        "The factory of the {name} is in {value}",
    ),
    "aisle": (
        "For the {name} go to aisle {value}",
        "To find the {name} go to aisle {value}",
        "The aisle of the {name} is {value}",
    ),
}

# Documents have these turned round: *Yoga is what Ada likes most*, the value first.
TURNED = {
    "hobby": ("What {name} likes most is {value}",),
    "birthday": ("The month in which {name} was born is {value}",),
    "material": ("What the {name} is made of is {value}",),
    "country": ("Where the {name} is built is {value}",),
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
        "The {name} stands in aisle {value}",
        "My {name} was taken out of aisle {value}",
    ),
}
