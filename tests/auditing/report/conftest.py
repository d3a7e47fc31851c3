"""Two reports with everything in them, made once."""

import pytest

from synthgen.auditing.report import AuditReport, write_html
from tests.auditing.report.demo import demo
from tests.auditing.report.hostile import hostile


@pytest.fixture(scope="session")
def full() -> AuditReport:
    return demo(images=500, classes=("doctor", "chef"))


@pytest.fixture(scope="session")
def evil() -> AuditReport:
    return demo(images=300, classes=("doctor", "chef"), names=hostile)


@pytest.fixture(scope="session")
def full_page(full: AuditReport) -> str:
    return write_html(full)


@pytest.fixture(scope="session")
def evil_page(evil: AuditReport) -> str:
    return write_html(evil)
