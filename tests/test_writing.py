"""Files are whole or absent, one or many."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.writing import write_atomically, write_together


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path):
    target = tmp_path / "labels.json"
    write_atomically(target, b"old")

    with pytest.raises(TypeError):
        write_atomically(target, "not bytes")  # type: ignore[arg-type]

    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_link_is_followed_and_what_is_no_file_is_left_alone(tmp_path):
    (tmp_path / "link").symlink_to("real")
    os.mkfifo(tmp_path / "pipe")

    write_atomically(tmp_path / "link", b"new")
    with pytest.raises(OSError, match="not a regular file"):
        write_atomically(tmp_path / "pipe", b"new")

    assert (tmp_path / "real").read_bytes() == b"new"
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "pipe").is_fifo()


def test_what_a_killed_run_left_behind_is_not_written_into(tmp_path):
    write_atomically(tmp_path / "first", b"1")
    left = [tmp_path / f".{os.getpid()}-{number}.part" for number in range(2000)]
    for part in left:
        part.write_bytes(b"left")

    write_atomically(tmp_path / "second", b"2")

    assert (tmp_path / "second").read_bytes() == b"2"
    assert {part.read_bytes() for part in left} == {b"left"}


def test_many_files_are_written_together(tmp_path):
    files = {tmp_path / str(n % 3) / f"{n}.txt": b"%d" % n for n in range(50)}

    write_together(files.items())

    assert {path: path.read_bytes() for path in tmp_path.glob("*/*")} == files
    assert {path.stat().st_mode & 0o777 for path in files} == {0o644}


def test_many_files_that_are_cut_short_leave_nothing_behind(tmp_path):
    def files() -> Iterator[tuple[Path, bytes]]:
        yield tmp_path / "a" / "1.txt", b"1"
        yield tmp_path / "a" / "2.txt", b"2"
        raise OSError("the source is gone")

    with pytest.raises(OSError, match="the source is gone"):
        write_together(files())

    assert not list(tmp_path.glob("a/*"))


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="there is no /proc here")
def test_a_folder_that_takes_no_files_is_an_error():
    with pytest.raises(OSError, match="No such file"):
        write_atomically(Path("/proc/groups.csv"), b"x")
