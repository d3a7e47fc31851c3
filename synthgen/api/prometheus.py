"""Metrics as Prometheus reads them from a file: the text format, for the textfile collector of node_exporter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.api.meter import Meter
from synthgen.errors import UsageError
from synthgen.files import check_file, write_file

if TYPE_CHECKING:
    from prometheus_client import Metric


def check_metrics_file(path: Path) -> None:
    """Check, before any work is done, that metrics can be written to a file.

    Raises:
        UsageError: the library for it is not installed.
        StorageError: the file cannot be written.
    """
    try:
        import prometheus_client as _  # noqa: F401 # only whether it is there
    except ImportError as error:
        what = "prometheus-client is not installed"
        hint = 'Run `pip install "synthgen[metrics]"`.'
        raise UsageError(what, argument="metrics_file", hint=hint) from error
    check_file(path)


def write_metrics(meter: Meter, path: Path) -> None:
    """Write all metrics to a file, whole or not at all.

    Raises:
        StorageError: it cannot be written.
    """
    write_file(path, as_text(meter))


def as_text(meter: Meter) -> bytes:
    """Return all metrics in Prometheus's text format."""
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.registry import Collector

    class Own(Collector):
        """What the meter has now."""

        def collect(self) -> Iterator[Metric]:
            yield from _families(meter)

    registry = CollectorRegistry()
    registry.register(Own())
    return generate_latest(registry)


def _families(meter: Meter) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    for series in meter.series():
        kind = CounterMetricFamily if series.kind == "counter" else GaugeMetricFamily
        family = kind(series.name, series.help, labels=[*meter.labels, *series.labels])
        for values, value in series.values.items():
            family.add_metric([*meter.labels.values(), *values], value)
        yield family
