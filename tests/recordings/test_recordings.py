"""Every recorded stream of the real upstream, through the translation and past four judges."""

from __future__ import annotations

import pytest

from tests.recordings.check import Recording, check, load, recordings_dir

FOLDER = recordings_dir()
STREAMS = list(load(FOLDER)) if FOLDER.is_dir() else []


@pytest.mark.skipif(not STREAMS, reason=f"no recordings at {FOLDER.name}: set RECORDINGS_DIR")
@pytest.mark.parametrize("recording", STREAMS, ids=lambda recording: recording.name)
def test_a_recorded_stream_becomes_a_stream_that_clients_accept(recording: Recording) -> None:
    check(recording, partitions=2)
