"""Progress where there is no terminal."""

import os

import click

from pipeline.cli.streams import outliving
from pipeline.progress import lines


def test_a_log_gets_a_line_now_and_then_with_the_time_that_is_left():
    now, written = [0.0], list[str]()

    with lines(written.append, lambda: now[0])("fetching photos", 2000) as advance:
        for _ in range(20):
            now[0] += 10
            advance(50)

    assert written[:2] == [
        "fetching photos: 150 of 2,000, about 0:06:10 left",
        "fetching photos: 300 of 2,000, about 0:05:40 left",
    ]
    assert len(written) == 6


def test_work_whose_end_is_not_known_is_counted():
    now, written = [0.0], list[str]()

    with lines(written.append, lambda: now[0])("reading pages", None) as advance:
        now[0] += 31
        advance(7)

    assert written == ["reading pages: 7"]


def test_work_goes_on_when_nobody_reads_its_log_any_more():
    reader, writer = os.pipe()
    now = [0.0]
    with os.fdopen(writer, "w") as pipe:
        log = outliving(pipe)
        work = lines(lambda line: click.echo(line, file=log), lambda: now[0])

        with work("training", 100) as advance:
            now[0] += 40
            advance(10)
            first = os.read(reader, 1000)
            os.close(reader)
            for _ in range(5):
                now[0] += 40
                advance(10)
        log.close()

    assert first == b"training: 10 of 100, about 0:06:00 left\n"
