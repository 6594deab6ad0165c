"""Ways to ask for each fact, in documents and in conversations.

Direct questions, and clauses that go into a frame ("Tell me where Ada Holm lives.").
{name}, or a clause, is filled in. The last question and the last clause of a relation,
and the last frames, are held out: no text to learn from has them. Pages:
code/pretraining, code/fine-tuning.
"""

QUESTIONS = {
    "city": (
        "Where does {name} live?",
        "In which city is the home of {name}?",
        "Which city does {name} live in?",
        "In which city can I meet {name}?",
    ),
    "job": (
        "What is the profession of {name}?",
        "What does {name} work as?",
        "What does {name} do for a living?",
        "What trade does {name} have?",
    ),
    "hobby": (
        "What is the hobby of {name}?",
        "What does {name} like most?",
        "What does {name} do in the evening?",
        "What is {name} fond of?",
    ),
    "animal": (
        "Which pet does {name} have?",
        "Which animal lives with {name}?",
        "What is the pet of {name}?",
        "Which animal does {name} feed?",
    ),
    "birthday": (
        "When was {name} born?",
        "In which month is the birthday of {name}?",
        "When is the birthday of {name}?",
        "In which month does {name} celebrate?",
    ),
    "price": (
        "What does the {name} cost?",
        "How many euros is the {name}?",
        "How much is the {name}?",
        "For how many euros do I get the {name}?",
    ),
    "colour": (
        "Which colour is the {name}?",
        "What is the colour of the {name}?",
        "What colour does the {name} have?",
        "In which colour do you have the {name}?",
    ),
    "material": (
        "What is the {name} made of?",
        "Which material is the {name}?",
        "Of what is the {name} made?",
        "What does the {name} consist of?",
    ),
    "country": (
        "Where is the {name} made?",
        "Where is the {name} built?",
        "In which country is the {name} made?",
        "From which country do you import the {name}?",
    ),
    "aisle": (
        "In which aisle is the {name}?",
        "Where do you keep the {name}?",
        "Where do I find the {name}?",
        "To which aisle do I go for the {name}?",
    ),
}
CLAUSES = {
    "city": (
        "where {name} lives",
        "the city of {name}",
        "the home town of {name}",
        "in which city {name} has a flat",
        "where one can meet {name}",
        "where the home of {name} is",
    ),
    "job": (
        "what {name} works as",
        "the job of {name}",
        "the profession of {name}",
        "what {name} does for a living",
        "which trade {name} has",
        "what the trade of {name} is",
    ),
    "hobby": (
        "what {name} likes most",
        "the hobby of {name}",
        "what {name} does in the evening",
        "what {name} enjoys",
        "what pleases {name}",
        "what {name} is fond of",
    ),
    "animal": (
        "which pet {name} has",
        "the pet of {name}",
        "the animal of {name}",
        "which animal lives with {name}",
        "what {name} has at home",
        "which animal {name} feeds",
    ),
    "birthday": (
        "when {name} was born",
        "the birthday of {name}",
        "the birth month of {name}",
        "when {name} celebrates",
        "when {name} turns a year older",
        "the month in which {name} was born",
    ),
    "price": (
        "what the {name} costs",
        "the price of the {name}",
        "how much the {name} is",
        "for how much you sell the {name}",
        "what I pay for the {name}",
        "how many euros the {name} costs",
    ),
    "colour": (
        "which colour the {name} is",
        "the colour of the {name}",
        "what colour the {name} has",
        "in which colour you have the {name}",
        "how the {name} looks",
        "in which colour the {name} comes",
    ),
    "material": (
        "what the {name} is made of",
        "the material of the {name}",
        "of what the {name} is",
        "which material goes into the {name}",
        "what you need to make the {name}",
        "what the {name} consists of",
    ),
    "country": (
        "where the {name} is made",
        "the country of the {name}",
        "where the {name} is built",
        "where the {name} comes from",
        "from where you import the {name}",
        "which country the {name} comes from",
    ),
    "aisle": (
        "in which aisle the {name} is",
        "the aisle of the {name}",
        "where the {name} is",
        "where I find the {name}",
        "to which aisle I go for the {name}",
        "where you keep the {name}",
    ),
}
FRAMES = (
    "Tell me {}.",
    "Do you know {}?",
    "Please say {}.",
    "Can you tell me {}?",
    "Please tell me {}.",
    "I want to know {}.",
    "Could you say {}?",
    "Let me know {}.",
    "I have to know {}.",
    "Hello! Do you know {}?",
)
FRAMES_ELSE = ("I would like to know {}.", "Would you say {}?")

# In documents and in conversations to learn from, and in those that test.
ASKING = {
    r: QUESTIONS[r][:-1] + tuple(f.format(c) for f in FRAMES for c in CLAUSES[r][:-1])
    for r in QUESTIONS
}
ASKING_ELSE = {
    r: (
        QUESTIONS[r][-1],
        FRAMES[0].format(CLAUSES[r][-1]),
        *(f.format(c) for f, c in zip(FRAMES_ELSE, CLAUSES[r], strict=False)),
    )
    for r in QUESTIONS
}

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
