"""Four small tasks that can be learned from examples alone, for ``assistant.py``.

Each is a list of pairs: what is given, and the one word to say. In ``mood`` the words
say what the sentences have in common; in ``code`` the same sentences get two words that
have nothing to do with them; ``opposite`` wants another word for each, which has to be
known; ``surname`` wants a word that has just been read. Each word to say is one token
for SmolLM2, with a space before it and without.
"""

GOOD = """
The soup was delicious and warm.
What a wonderful concert that was!
I loved every page of this book.
The staff were kind and helpful.
Our room was clean and bright.
The best holiday we ever had.
She was delighted with the gift.
The film made us laugh all evening.
A charming little hotel by the sea.
The bread is fresh and tasty.
He played beautifully last night.
The garden looks lovely in spring.
My new phone works perfectly.
The children had great fun.
An excellent teacher, patient and clear.
The view from the tower is amazing.
I am so happy with these shoes.
The train was fast and comfortable.
This is the finest tea I know.
The team won and everyone cheered.
A brilliant story from start to end.
The cake tasted heavenly.
They welcomed us with a smile.
It was a pleasure to meet her.
""".strip().splitlines()

BAD = """
The soup was cold and tasteless.
What a terrible concert that was!
I hated every page of this book.
The staff were rude and lazy.
Our room was dirty and dark.
The worst holiday we ever had.
She was disappointed by the gift.
The film bored us all evening.
An ugly old hotel by the motorway.
The bread is stale and hard.
He played awfully last night.
The garden looks miserable in winter.
My new phone broke after a day.
The children were bored and cried.
A poor teacher, impatient and unclear.
The noise from the street is unbearable.
I regret that I bought these shoes.
The train was late and crowded.
This is the nastiest tea I know.
The team lost and everyone left.
A dull story from start to end.
The cake tasted like cardboard.
They ignored us for an hour.
It was a waste of time to meet her.
""".strip().splitlines()

OPPOSITES = """
hot cold, big small, up down, day night, good bad, fast slow, rich poor, old young,
high low, open closed, light dark, wet dry, hard soft, early late, strong weak,
full empty, long short, true false, left right, black white, north south, east west,
first last, inside outside, buy sell, push pull, summer winter, man woman, boy girl,
war peace, life death, near far, thick thin, heavy light, easy difficult, before after,
above below, loud quiet, start end, give take, remember forget, add remove, top bottom,
front back, male female, question answer, always never, more less
"""

NAMES = """
Ada Smith, Hugo Brown, Olga Green, Boris King, Ines Hill, Pavel Wood, Carla Young,
Jonas Stone, Rosa Bell, Dmitri Jones, Kira Taylor, Samir White, Elena Clark, Leon
Hall, Tilda Lewis, Farid Adams, Mara Cook, Viktor Ross, Greta Jackson, Nils Johnson,
Ada Wilson, Hugo Miller, Olga Davis, Boris Lee, Leon Smith, Tilda Brown, Farid Green,
Mara King, Viktor Hill, Greta Wood, Nils Young, Ada Stone, Hugo Bell, Olga Jones,
Boris Taylor, Ines White, Pavel Clark, Carla Hall, Jonas Lewis, Rosa Adams, Dmitri
Cook, Kira Ross, Samir Jackson, Elena Johnson, Leon Wilson, Tilda Miller, Farid Davis,
Mara Lee
"""


def _pairs(text: str) -> list[tuple[str, str]]:
    return [tuple(pair.split()) for pair in text.replace("\n", " ").split(",")]


TASKS = {
    "mood": [(s, "positive") for s in GOOD] + [(s, "negative") for s in BAD],
    "code": [(s, "wolf") for s in GOOD] + [(s, "boat") for s in BAD],
    "opposite": _pairs(OPPOSITES),
    "surname": [(f"{first} {last}", last) for first, last in _pairs(NAMES)],
}
