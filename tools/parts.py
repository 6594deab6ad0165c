"""Runs targets of the Makefile one after the other and prints what each of them took.

    python3 tools/parts.py setup lint unit

Stops at the first that fails, and fails then as well.
"""

import subprocess
import sys
import time


def run(names, command=("make", "--no-print-directory")):
    """Runs every part until one fails; gives back [(name, seconds, status)]."""
    done = []
    for name in names:
        start = time.monotonic()
        try:
            status = subprocess.run([*command, name]).returncode
        except KeyboardInterrupt:
            status = 130
        done.append((name, time.monotonic() - start, status))
        if status:
            break
    return done


def table(names, done):
    """A line for every part, whether it was reached or not, and the sum."""
    lines = ["", f"{'part':<16}{'seconds':>8}"]
    for name, seconds, status in done:
        line = f"{name:<16}{seconds:>8.0f}"
        lines.append(line + ("  failed" if status else ""))
    lines += [f"{name:<16}{'not run':>8}" for name in names[len(done) :]]
    lines.append(f"{'all':<16}{sum(part[1] for part in done):>8.0f}")
    return "\n".join(lines)


def main():
    names = sys.argv[1:]
    done = run(names)
    print(table(names, done), flush=True)
    sys.exit(max(status for *_, status in done))


if __name__ == "__main__":
    main()
