"""OpenTelemetry: a span for the call, each shard and each batch, and the metrics of the call.

The program's own providers are used, where it has set some. Else the environment decides, by the names that the SDK
reads: without an endpoint for OTLP, nothing is opened and nothing is sent.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

from synthgen.api.meter import Meter
from synthgen.errors import cause_of
from synthgen.events import Event, Progress, RunStarted
from synthgen.redaction import without_secrets
from synthgen.version import __version__

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation
    from opentelemetry.sdk import metrics as sdk_metrics
    from opentelemetry.sdk import trace as sdk_trace
    from opentelemetry.trace import Span, Tracer, TracerProvider

    Provider = sdk_trace.TracerProvider | sdk_metrics.MeterProvider

_LOG = logging.getLogger(__name__)
_SIGNALS = ("TRACES", "METRICS")
_FLUSH_MS = 5000
_NAME = "synthgen"


class Telemetry:
    """Spans and metrics of one call.

    Args:
        close: sends what is left, and ends what was opened for this call.
    """

    def __init__(self, meter: Meter, tracer: Tracer | None, close: Callable[[], object] = lambda: None) -> None:
        self._meter, self._tracer, self._close = meter, tracer, close
        self._call = self._begun("run", None)
        self._shards: dict[int, Span] = {}
        self._batches: dict[int, Span] = {}

    def hear(self, event: Event) -> None:
        """Begin and end the spans of shards and batches."""
        if isinstance(event, RunStarted) and self._call is not None:
            self._call.set_attribute("synthgen.shards", event.shards)
        if not isinstance(event, Progress) or self._tracer is None:
            return

        _ended(self._batches.pop(event.shard, None))
        span = self._shards.get(event.shard)
        if span is None:
            span = self._begun("shard", self._call)
            assert span is not None, "there is a tracer"
            span.set_attribute("synthgen.shard", event.shard)
            self._shards[event.shard] = span
        if event.under_way and (batch := self._begun("batch", span)) is not None:
            batch.set_attribute("synthgen.shard", event.shard)
            batch.set_attribute("synthgen.first_attempt", event.under_way[0])
            batch.set_attribute("synthgen.batch_size", len(event.under_way))
            self._batches[event.shard] = batch
        if event.committed:
            for outcome, count in event.outcomes.items():
                span.set_attribute(f"synthgen.attempts.{outcome.replace(':', '.')}", count)
            _ended(self._shards.pop(event.shard))

    def end(self, exit_code: int, error: BaseException | None) -> None:
        """End all spans, and send what is left."""
        for span in (*self._batches.values(), *self._shards.values()):
            _ended(span)
        if self._call is not None:
            self._call.set_attribute("synthgen.exit_code", exit_code)
            if exit_code:
                from opentelemetry.trace import Status, StatusCode

                said = without_secrets(cause_of(error)) if error is not None else f"exit code {exit_code}"
                self._call.set_status(Status(StatusCode.ERROR, said))
            _ended(self._call)
        self._close()

    def _begun(self, name: str, parent: Span | None) -> Span | None:
        if self._tracer is None:
            return None
        from opentelemetry.trace import set_span_in_context

        labels = {f"synthgen.{key}": value for key, value in self._meter.labels.items()}
        return self._tracer.start_span(
            f"synthgen.{name}", None if parent is None else set_span_in_context(parent), attributes=labels
        )


def open_telemetry(meter: Meter) -> Telemetry | None:
    """Open what the program or the environment asks for; None if neither does, or the library is not installed."""
    if not _is_wanted() or find_spec("opentelemetry.sdk") is None:
        return None
    from opentelemetry import metrics, trace
    from opentelemetry.sdk.metrics import MeterProvider as OwnMeters
    from opentelemetry.sdk.trace import TracerProvider as OwnTraces

    traces: TracerProvider = trace.get_tracer_provider()
    meters: MeterProvider = metrics.get_meter_provider()
    opened: list[Provider] = []
    is_traced, is_metered = isinstance(traces, OwnTraces), isinstance(meters, OwnMeters)
    if not (is_traced or is_metered):
        opened = _opened()
        traces = next((each for each in opened if isinstance(each, OwnTraces)), traces)
        meters = next((each for each in opened if isinstance(each, OwnMeters)), meters)
        is_traced, is_metered = traces in opened, meters in opened
    if not (is_traced or is_metered):
        return None
    if is_metered:
        meter_of(meters, meter)
    tracer = traces.get_tracer(_NAME, __version__) if is_traced else None
    return Telemetry(meter, tracer, lambda: _close(opened))


def meter_of(provider: MeterProvider, meter: Meter) -> None:
    """Let a provider read all metrics whenever it exports."""
    from opentelemetry.metrics import Observation

    def read(name: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def callback(_: CallbackOptions) -> Iterable[Observation]:
            for series in meter.series():
                if series.name == name:
                    for values, value in series.values.items():
                        yield Observation(value, {**meter.labels, **dict(zip(series.labels, values, strict=True))})

        return callback

    own = provider.get_meter(_NAME, __version__)
    for series in meter.series():
        make = own.create_observable_counter if series.kind == "counter" else own.create_observable_gauge
        make(series.name, [read(series.name)], description=series.help)


def _is_wanted() -> bool:
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    return "opentelemetry.sdk" in sys.modules or any(map(_has_endpoint, _SIGNALS))


def _has_endpoint(signal: str) -> bool:
    names = ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
    return any(os.environ.get(name) for name in names)


def _exports(signal: str) -> bool:
    """Whether this signal goes to an endpoint. What cannot be done is said, and not sent."""
    if not _has_endpoint(signal):
        return False
    exporter = os.environ.get(f"OTEL_{signal}_EXPORTER") or "otlp"
    protocol = os.environ.get(f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL")
    protocol = protocol or os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") or "http/protobuf"
    if exporter == "none":
        return False
    if exporter != "otlp" or protocol != "http/protobuf":
        told = f"{exporter}, {protocol}"
        _LOG.warning(
            "OpenTelemetry: only otlp over http/protobuf is supported; %s are not sent (%s)", signal.lower(), told
        )
        return False
    return True


def _opened() -> list[Provider]:
    """Open providers that send to the endpoints of the environment. The SDK reads headers, timeouts and the rest."""
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.metrics import MeterProvider as OwnMeters
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider as OwnTraces
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    named = "service.name" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "") or os.environ.get("OTEL_SERVICE_NAME")
    resource = Resource.create({} if named else {"service.name": _NAME})
    opened: list[Provider] = []
    if _exports("TRACES"):
        traces = OwnTraces(resource=resource, shutdown_on_exit=False)
        traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        opened.append(traces)
    if _exports("METRICS"):
        reader = PeriodicExportingMetricReader(OTLPMetricExporter())
        opened.append(OwnMeters([reader], resource=resource, shutdown_on_exit=False))
    return opened


def _close(opened: Sequence[Provider]) -> None:
    """Send what is left, for a few seconds at most."""
    for provider in opened:
        provider.force_flush(_FLUSH_MS)
        provider.shutdown()


def _ended(span: Span | None) -> None:
    if span is not None:
        span.end()
