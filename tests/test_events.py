"""What libraries log, on its way to whoever prints."""

import logging

from synthgen.events import LogRelay


def test_a_record_whose_arguments_do_not_fit_its_text_ends_nothing() -> None:
    heard: list[tuple[int, str]] = []
    logger, relay = logging.getLogger("tests.events"), LogRelay(lambda level, text: heard.append((level, text)))
    logger.addHandler(relay)
    try:
        logger.warning("%d images of %s", "many")
        logger.error("%(name)s is gone", {"other": 1})
        logger.warning("%d images", 3)
    finally:
        logger.removeHandler(relay)
    assert heard == [(30, "%d images of %s"), (40, "%(name)s is gone"), (30, "3 images")]
