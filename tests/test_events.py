"""What libraries log, on its way to whoever prints."""

import logging

from synthgen.events import LogRelay


def test_a_record_whose_arguments_do_not_fit_its_text_ends_nothing() -> None:
    heard: list[tuple[int, str]] = []
    relay = LogRelay(lambda level, text: heard.append((level, text)))
    for level, text, arguments in (
        (logging.WARNING, "%d images of %s", ("many",)),
        (logging.ERROR, "%(name)s is gone", {"other": 1}),
        (logging.WARNING, "%d images", (3,)),
    ):
        relay.handle(logging.makeLogRecord({"levelno": level, "msg": text, "args": arguments}))
    assert heard == [(30, "%d images of %s"), (40, "%(name)s is gone"), (30, "3 images")]
