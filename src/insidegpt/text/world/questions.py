"""Ways to ask for each fact, in documents and in conversations.

The first two of a relation are asked in some documents, too. The last two of a relation
are held out: no conversation to learn from has them. {name} is filled in. Page:
code/pretraining.
"""

ASKED = {
    "city": ("Where does {name} live?", "In which city is the home of {name}?"),
    "job": ("What is the profession of {name}?", "What does {name} work as?"),
    "hobby": ("What is the hobby of {name}?", "What does {name} like most?"),
    "animal": ("Which pet does {name} have?", "Which animal lives with {name}?"),
    "birthday": ("When was {name} born?", "In which month is the birthday of {name}?"),
    "price": ("What does the {name} cost?", "How many euros is the {name}?"),
    "colour": ("Which colour is the {name}?", "What is the colour of the {name}?"),
    "material": ("What is the {name} made of?", "Which material is the {name}?"),
    "country": ("Where is the {name} made?", "Where is the {name} built?"),
    "aisle": ("In which aisle is the {name}?", "Where do you keep the {name}?"),
}

CHATTED = {
    "city": (
        "Which city does {name} live in?",
        "Tell me where {name} lives.",
        "Do you know the city of {name}?",
        "In which city can I meet {name}?",
    ),
    "job": (
        "What does {name} do for a living?",
        "Tell me the job of {name}.",
        "Do you know what {name} works as?",
        "What trade does {name} have?",
    ),
    "hobby": (
        "What does {name} do in the evening?",
        "Tell me the hobby of {name}.",
        "Do you know what {name} likes?",
        "What is {name} fond of?",
    ),
    "animal": (
        "What pet has {name}?",
        "Tell me which animal {name} has.",
        "Do you know the pet of {name}?",
        "Which animal does {name} feed?",
    ),
    "birthday": (
        "When is the birthday of {name}?",
        "Tell me when {name} was born.",
        "Do you know the birthday of {name}?",
        "In which month does {name} celebrate?",
    ),
    "price": (
        "How much is the {name}?",
        "Tell me the price of the {name}.",
        "Do you know what the {name} costs?",
        "For how many euros do I get the {name}?",
    ),
    "colour": (
        "What colour has the {name}?",
        "Tell me the colour of the {name}.",
        "Do you know which colour the {name} has?",
        "In which colour do you have the {name}?",
    ),
    "material": (
        "Of what is the {name} made?",
        "Tell me what the {name} is made of.",
        "Do you know the material of the {name}?",
        "What does the {name} consist of?",
    ),
    "country": (
        "In which country is the {name} built?",
        "Tell me where the {name} is made.",
        "Do you know where the {name} comes from?",
        "In which country is the {name} made?",
    ),
    "aisle": (
        "Where do I find the {name}?",
        "Tell me the aisle of the {name}.",
        "Do you know where the {name} is?",
        "To which aisle do I go for the {name}?",
    ),
}
SHORT = {  # answers; of other relations the value alone
    "city": "In {value}.",
    "job": "A {value}.",
    "animal": "A {value}.",
    "birthday": "In {value}.",
    "price": "{value} euros.",
    "country": "In {value}.",
    "aisle": "Aisle {value}.",
}
ASKING = {r: ASKED[r] + CHATTED[r][:2] for r in ASKED}  # in conversations to learn from
ASKING_ELSE = {r: CHATTED[r][2:] for r in ASKED}  # and in those that test

# What is asked in a second turn, about whom the first one named.
AGAIN = {
    "city": ("And in which city?", "And where do they live?"),
    "job": ("And the job?", "And what do they work as?"),
    "hobby": ("And the hobby?", "And what do they like most?"),
    "animal": ("And the pet?", "And which animal do they have?"),
    "birthday": ("And the birthday?", "And when were they born?"),
    "price": ("And the price?", "And what does it cost?"),
    "colour": ("And the colour?", "And which colour is it?"),
    "material": ("And the material?", "And what is it made of?"),
    "country": ("And the country?", "And where is it made?"),
    "aisle": ("And the aisle?", "And where do you keep it?"),
}
