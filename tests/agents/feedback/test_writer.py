"""The counts of the writer and of the store: nothing is counted twice or left out while one becomes the other."""

from __future__ import annotations

import threading
from pathlib import Path

from agents.feedback.refusals import Reason
from agents.feedback.statistics import statistics
from agents.feedback.store import Store
from agents.feedback.writer import GroupWriter


def test_a_refusal_is_counted_once_while_it_is_being_written(tmp_path: Path) -> None:
    store = Store(tmp_path / "f.db")
    writer = GroupWriter(store)
    for expected in range(1, 150):
        writer.count(Reason.MALFORMED)
        flushing = threading.Thread(target=writer._flush_counts)
        flushing.start()
        with writer.pending() as refused:
            found = statistics(store, refused).refused
        flushing.join()
        assert found == {"malformed": expected}
    store.close()
