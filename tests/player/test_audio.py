"""The loudspeaker on miniaudio's null device, which calls as a real one does."""

from collections.abc import Iterator

import pytest

from rnnrbm_gui.player import audio
from rnnrbm_gui.player.audio import Speaker
from rnnrbm_gui.player.protocol import AudioDevice, now_s
from tests.live import wait_until


@pytest.fixture
def speaker() -> Iterator[Speaker]:
    said: list[object] = []
    speaker = Speaker(said.append, null=True)
    speaker.start()
    wait_until(lambda: any(isinstance(word, AudioDevice) for word in said), 10, "the device")
    yield speaker
    speaker.close()


def test_a_silent_device_rests_until_the_next_stroke(
    speaker: Speaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    speaker.watch(now_s())
    assert speaker._device.running
    monkeypatch.setattr(audio, "REST_AFTER_S", 0.3)
    for _ in range(2):

        def rests() -> bool:
            speaker.watch(now_s())
            return not speaker._device.running

        wait_until(rests, 10, "rest")
        called_s = speaker._called_s
        speaker.watch(called_s + 100)  # nor is it taken for one that has gone
        assert not speaker._device.running
        assert speaker._called_s == called_s
        speaker.level()
        speaker.stroke(0, 60, 100, now_s())
        wait_until(lambda: speaker.level() > 0.01, 5, "a sound")
        assert speaker._device.running
        speaker.stroke(0, 60, 0, now_s())


def test_a_sounding_note_keeps_it_awake(speaker: Speaker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audio, "REST_AFTER_S", 0.05)
    speaker.stroke(0, 60, 100, now_s())
    wait_until(lambda: speaker.level() > 0.01, 5, "a sound")
    until_s = now_s() + 0.4

    def watched() -> bool:
        speaker.watch(now_s())
        assert speaker._device.running
        return now_s() > until_s

    wait_until(watched, 5, "the end of the note")
