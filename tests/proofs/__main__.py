"""`make proof`: run every cell that is not stored yet; `--again` runs all of them anew."""

from __future__ import annotations

import sys

from tests.proofs.runs import PROOFS


def main() -> None:
    """Run the proofs named on the command line, or all."""
    named = {argument for argument in sys.argv[1:] if not argument.startswith("-")}
    for proof in PROOFS:
        if named and proof.name not in named:
            continue
        if proof.needs is not None and not proof.needs.exists():
            print(f"{proof.name}: skipped, {proof.needs} is not there; set TEXTENVS_DATA")
            continue
        for seed in proof.seeds:
            cell = proof.run(seed, again="--again" in sys.argv)
            print(f"{proof.name} seed {seed}: {cell.seconds:.0f} s, commit {cell.commit}")


if __name__ == "__main__":
    main()
