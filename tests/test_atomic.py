"""Files that appear whole or not at all."""

import threading
from pathlib import Path

import pytest

from oceandata.atomic import replacing, write_text


def test_a_text_takes_the_place_of_the_file(tmp_path: Path) -> None:
    target = tmp_path / "目录.yaml"
    assert write_text(target, "深度\n") == target
    write_text(target, "温度\n", sync=True)
    assert target.read_bytes() == "温度\n".encode()
    assert list(tmp_path.iterdir()) == [target]


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    target = write_text(tmp_path / "entry.json", "old")

    def fail() -> None:
        with replacing(target) as beside:
            beside.write_text("half", encoding="utf-8")
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        fail()
    assert target.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_what_is_being_written_is_not_found_by_its_ending(tmp_path: Path) -> None:
    with replacing(tmp_path / "entry.yaml") as beside:
        beside.write_text("a", encoding="utf-8")
        assert beside.parent == tmp_path
        assert list(tmp_path.glob("*.yaml")) == []


def test_a_missing_folder_is_the_error_that_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_text(tmp_path / "none" / "entry.yaml", "a")


def test_writers_at_the_same_time_leave_one_whole_text(tmp_path: Path) -> None:
    target, texts = tmp_path / "entry.txt", [str(number) * 100_000 for number in range(8)]
    writers = [threading.Thread(target=write_text, args=(target, text)) for text in texts]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert target.read_text(encoding="utf-8") in texts
    assert list(tmp_path.iterdir()) == [target]
