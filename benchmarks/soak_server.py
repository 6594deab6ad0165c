"""A server under load: many streaming clients, some of whom leave, some ask nonsense.

    python benchmarks/soak_server.py --minutes 10

`insidegpt serve` runs in a process of its own. Every answer that was heard to its end
must be the one that the engine writes alone for the same seed. At the end all places
must be free and the server's memory must be what it was after the first minute.
"""

import asyncio
import random
import re
import subprocess
import sys
import time
from collections import Counter

import click
import httpx
import openai

import insidegpt
from insidegpt.fast.choose import load_fastest
from insidegpt.infer.chat import answer
from insidegpt.infer.sampling import Sampling

PORT = 8765
URL = f"http://127.0.0.1:{PORT}"
TOPICS = ("rain", "bread", "the moon", "a bridge", "music", "numbers", "cats", "tea")
BAD = (
    {"max_tokens": -1},
    {"messages": []},
    {"temperature": "hot"},
    {"model": "nobody"},
    {"stop": ""},
    {"max_tokens": 10**6},
)


def requests() -> list[dict]:
    """The good ones, each with a seed of its own."""
    return [
        {
            "messages": [{"role": "user", "content": f"Tell me about {topic}."}],
            "max_tokens": 20 + 10 * n,
            "temperature": 1.0,
            "seed": n,
        }
        for topic in TOPICS
        for n in range(4)
    ]


def right_answers() -> list[str]:
    """What the engine writes alone."""
    engine, tokenizer = load_fastest(), insidegpt.load_tokenizer()
    texts = []
    for asked in requests():
        sampling = Sampling(asked["temperature"], seed=asked["seed"])
        settings = {"max_new_tokens": asked["max_tokens"], "sampling": sampling}
        texts.append("".join(answer(engine, tokenizer, asked["messages"], **settings)))
    return texts


async def client(number: int, right: list[str], end: float, seen: Counter) -> None:
    """Ask until the time is over: mostly to the end, sometimes not, sometimes badly."""
    chance = random.Random(number)
    known = requests()
    async with openai.AsyncOpenAI(
        base_url=f"{URL}/v1", api_key="none", max_retries=0, timeout=120
    ) as api:
        while time.monotonic() < end:
            n = chance.randrange(len(known))
            ask = {"model": "smollm2", **known[n]}
            if chance.random() < 0.15:
                body = ask | chance.choice(BAD)
                async with httpx.AsyncClient() as raw:
                    reply = await raw.post(f"{URL}/v1/chat/completions", json=body)
                seen[
                    "bad, refused" if 400 <= reply.status_code < 500 else "FAILED"
                ] += 1
                continue
            leaves = chance.randrange(1, 15) if chance.random() < 0.2 else None
            try:
                text, chunks = "", 0
                async with await api.chat.completions.create(**ask, stream=True) as s:
                    async for chunk in s:
                        text += chunk.choices[0].delta.content or ""
                        chunks += 1
                        if chunks == leaves:
                            break
            except openai.OpenAIError as error:
                seen[f"FAILED {type(error).__name__}"] += 1
                continue
            if leaves and chunks == leaves:
                seen["left early"] += 1
            else:
                seen["good" if text == right[n] else "FAILED, another text"] += 1


def memory_mb(pid: int) -> float:
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1]) / 1024


async def load(pid: int, clients: int, minutes: float, right: list[str]) -> list[float]:
    """Run all clients; the server's memory after each minute."""
    seen, start = Counter(), time.monotonic()
    end, sizes = start + 60 * minutes, []
    tasks = [
        asyncio.create_task(client(number, right, end, seen))
        for number in range(clients)
    ]
    while (now := time.monotonic()) < end:
        await asyncio.sleep(min(60, end - now))
        sizes.append(memory_mb(pid))
        print(f"{len(sizes):2} min  {sizes[-1]:5.0f} MB  {dict(seen)}", flush=True)
    await asyncio.gather(*tasks)
    print(f"all      {dict(seen)}")
    if any(name.startswith("FAILED") for name in seen) or not seen["good"]:
        raise SystemExit("A good request failed, or none was made.")
    return sizes


@click.command()
@click.option("--clients", default=32, show_default=True)
@click.option("--minutes", default=10.0, show_default=True)
def main(clients: int, minutes: float) -> None:
    right = right_answers()
    command = [sys.executable, "-m", "insidegpt", "serve", "--port", str(PORT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            print(server.stdout.readline(), end="")  # it answers
            sizes = asyncio.run(load(server.pid, clients, minutes, right))
            time.sleep(2)
            health = httpx.get(f"{URL}/health").json()
            if health != {"status": "ok", "running": 0, "waiting": 0}:
                raise SystemExit(f"A text still has a place: {health}.")
            growth = sizes[-1] / sizes[0] - 1
            print(f"memory {growth:+.1%} since the first minute; all places are free")
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
