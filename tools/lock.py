"""pip's report of a dry run on standard input, requirements.txt on standard output.

Left out are insidegpt itself and the local part of a version (torch==2.13.0+cpu),
which would tie the list to one machine.
"""

import json
import sys

HEADER = "# Pinned by `make lock` from pyproject.toml. Do not edit by hand."


def pins(report: str) -> list[str]:
    """The lines `name==version` of what pip would install, in alphabetical order."""
    found = {
        item["metadata"]["name"]: item["metadata"]["version"].partition("+")[0]
        for item in json.loads(report)["install"]
    }
    names = sorted(found.keys() - {"insidegpt"}, key=str.lower)
    return [f"{name}=={found[name]}" for name in names]


if __name__ == "__main__":
    print("\n".join([HEADER, *pins(sys.stdin.read())]))
