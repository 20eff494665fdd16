"""`make proof`: run every cell that is not stored yet; `--again` runs all of them anew.

Arguments name proofs, and ``--seed N`` a single seed of them.
"""

from __future__ import annotations

import argparse

from tests.proofs.runs import PROOFS


def main() -> None:
    """Run the proofs named on the command line, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.proofs", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[proof.name for proof in PROOFS])
    parser.add_argument("--seed", type=int)
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    for proof in PROOFS:
        if options.names and proof.name not in options.names:
            continue
        if proof.needs is not None and not proof.needs.exists():
            print(f"{proof.name}: skipped, {proof.needs} is not there; set TEXTENVS_DATA")
            continue
        for seed in proof.seeds if options.seed is None else (options.seed,):
            cell = proof.run(seed, again=options.again)
            print(f"{proof.name} seed {seed}: {cell.seconds:.0f} s, commit {cell.commit}")


if __name__ == "__main__":
    main()
