"""Metrics in a file and OpenTelemetry: what a call does, seen from outside."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client.parser import text_string_to_metric_families

import synthgen
from synthgen.api.meter import MOST_CLASSES, Meter
from synthgen.api.prometheus import as_text
from synthgen.api.telemetry import Telemetry, meter_of
from synthgen.errors import Interrupted, ModelUnavailable, UsageError
from synthgen.events import ClassProgress, Progress, RunStarted
from synthgen.running import create_run, open_run, work
from synthgen.running.failures import write_failure
from synthgen.store import FolderStore, open_store
from tests.command import call, envelope
from tests.running.noise import SPEC, BrightnessJudge, NoiseGenerator, noise_plan

PLAN = noise_plan("classes={doctor: 14, chef: 6}", "output.shard_size=10")
Values = dict[tuple[str, ...], float]


def parsed(text: str) -> dict[str, Values]:
    """The values of each metric by its own labels, in the order of their names, as Prometheus's parser reads them."""
    found: dict[str, Values] = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        assert family.type in ("counter", "gauge")
        for sample in family.samples:
            labels = tuple(value for name, value in sorted(sample.labels.items()) if name not in ("run", "task"))
            assert labels not in found.setdefault(sample.name, {}), "no series is there twice"
            found[sample.name][labels] = sample.value
    return found


def run(folder: Path, on_progress: synthgen.Observer, stop_after: int = 10**9) -> None:
    store, plan, left = FolderStore(folder), PLAN, iter(range(stop_after))
    create_run(store, plan, SPEC)
    on_progress(RunStarted(str(folder), 2, 0, {"doctor": ClassProgress(0, 14, 0), "chef": ClassProgress(0, 6, 0)}))
    work(
        open_run(store), store, NoiseGenerator(4), BrightnessJudge(), range(2),
        on_progress=on_progress, stop=lambda: next(left, None) is None,
    )  # fmt: skip


def test_the_file_has_what_the_run_has(tmp_path: Path) -> None:
    file, texts = tmp_path / "run.prom", []
    with synthgen.observed(tmp_path / "run", lambda _: texts.append(file.read_text()), metrics_file=file) as observer:
        run(tmp_path / "run", observer)
    found, (_, state) = parsed(file.read_text()), synthgen.status(tmp_path / "run")
    by_verdict: dict[str, float] = {}
    for (_, verdict), count in found["synthgen_attempts_total"].items():
        by_verdict[verdict] = by_verdict.get(verdict, 0) + count
    assert by_verdict == {verdict: count for verdict, count in state.counts.items() if count}
    by_reason = {reason: count for (reason, _), count in found["synthgen_attempts_total"].items() if reason}
    assert by_reason == state.reasons
    assert found["synthgen_images_accepted_total"] == {("chef",): 6, ("doctor",): 14}
    assert found["synthgen_shards"] == {("done",): 2, ("failed",): 0, ("open",): 0}
    assert found["synthgen_shards_committed_total"][()] == 2
    assert (found["synthgen_images"][()], found["synthgen_images_wanted"][()]) == (20, 20)
    assert (found["synthgen_working"][()], found["synthgen_exit_code"][()]) == (0, 0)
    assert found["synthgen_seconds_total"][()] > 0
    assert parsed(texts[0])["synthgen_working"][()] == 1
    assert [path.name for path in tmp_path.iterdir() if path.name != "run"] == ["run.prom"], "no draft is left"
    with synthgen.observed(tmp_path / "run", metrics_file=file):
        pass  # nothing is left to make
    again = parsed(file.read_text())
    assert all(again[name] == found[name] for name in ("synthgen_images", "synthgen_images_wanted", "synthgen_shards"))
    assert "synthgen_attempts_total" not in again, "this call made none"


def test_it_is_written_at_the_end_also_of_a_failure(tmp_path: Path) -> None:
    file = tmp_path / "run.prom"
    observe = partial(synthgen.observed, tmp_path / "run", metrics_file=file)
    with pytest.raises(Interrupted), observe() as observer:
        run(tmp_path / "run", observer, stop_after=4)
    assert parsed(file.read_text())["synthgen_exit_code"][()] == 75
    write_failure(open_store(tmp_path / "run"), 1, ValueError("no"))
    with pytest.raises(ZeroDivisionError), observe():
        raise ZeroDivisionError
    found = parsed(file.read_text())
    assert (found["synthgen_exit_code"][()], found["synthgen_shards"]["failed",]) == (1, 1)
    with observe() as observer:
        observer.end(3)
    assert parsed(file.read_text())["synthgen_exit_code"][()] == 3, "a quota that is not met raises nothing"


def progress(shard: int, accepted: int, *, committed: bool = False) -> Progress:
    classes = {"doctor": ClassProgress(accepted, 10, accepted)}
    return Progress(shard, classes, 2.0, committed, (accepted,), 0, {"accepted": accepted})


def test_counters_never_go_back_when_a_shard_is_begun_again(tmp_path: Path) -> None:
    meter, counts = Meter(tmp_path / "run"), []
    for accepted in (0, 4, 8, 0, 4, 9):
        meter.hear(progress(0, accepted))
        counts.append(parsed(as_text(meter).decode()).get("synthgen_images_accepted_total", {}).get(("doctor",), 0))
    assert counts == [0, 4, 8, 8, 8, 9]
    meter.hear(progress(0, 10, committed=True))
    meter.hear(progress(1, 10, committed=True))
    found = parsed(as_text(meter).decode())
    assert found["synthgen_attempts_total"] == {("", "accepted"): 20}
    assert found["synthgen_images_per_second"][()] == 0


def test_labels_are_escaped_bounded_and_hold_no_secret(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_TOKEN", "hush-hush-hush")
    meter = Meter(tmp_path / "hush-hush-hush", task=3)
    strange = 'a "b"\\\n\u202e{}'
    outcomes = {f"failed:kind{number}": number + 1 for number in range(80)}
    meter.hear(Progress(0, {strange: ClassProgress(2, 3, 4)}, 1.0, False, (), 0, outcomes))
    text = as_text(meter).decode()
    found = parsed(text)
    assert found["synthgen_images_accepted_total"] == {(strange,): 2}
    assert len(found["synthgen_attempts_total"]) == 51
    assert sum(found["synthgen_attempts_total"].values()) == sum(outcomes.values())
    assert 'task="3"' in text
    assert "hush" not in text

    many = {f"class {number}": ClassProgress(1, 1, 1) for number in range(MOST_CLASSES + 1)}
    meter = Meter(tmp_path / "run")
    with caplog.at_level("INFO", "synthgen"):
        meter.hear(RunStarted("run", 1, 0, dict.fromkeys(many, ClassProgress(0, 1, 0))))
        meter.hear(Progress(0, many, 1.0, False))
    assert "without their class: 1001 classes" in caplog.text
    assert parsed(as_text(meter).decode())["synthgen_images_accepted_total"] == {(): MOST_CLASSES + 1}


def test_a_file_that_cannot_be_written_is_refused_before_and_told_once_after(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(synthgen.StorageError), synthgen.observed("run", metrics_file=tmp_path / "file/run.prom"):
        pass
    monkeypatch.setattr("synthgen.api.observing._EVERY", 0.0)
    folder = tmp_path / "metrics"
    with synthgen.observed(tmp_path / "run", metrics_file=folder / "run.prom") as observer:
        (folder / "run.prom").unlink()
        folder.rmdir()
        folder.write_text("in the way")
        for accepted in range(4):
            observer(progress(0, accepted))
    assert caplog.text.count("metrics are not written") == 1
    monkeypatch.setitem(__import__("sys").modules, "prometheus_client", None)
    with (
        pytest.raises(UsageError, match="prometheus-client is not installed") as error,
        synthgen.observed("run", metrics_file=tmp_path / "b.prom"),
    ):
        pass
    assert 'pip install "synthgen[metrics]"' in str(error.value.hint)


def test_the_command_refuses_a_file_before_it_begins(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC.replace("owner/name", "bundled:workers"))
    (tmp_path / "file").write_text("")
    done = call("run", "spec.yaml", "--metrics-file", "file/x.prom", "--json", folder=tmp_path)
    assert (done.returncode, envelope(done.stdout)["errors"][0]["code"]) == (5, "storage")
    assert not (tmp_path / "outputs").exists()
    done = call("work", "nothing", "--index", "0", "--of", "1", "--metrics-file", "x.prom", folder=tmp_path)
    assert done.returncode == 2
    assert parsed((tmp_path / "x.prom").read_text())["synthgen_exit_code"] == {(): 2}


def spans_of(exporter: InMemorySpanExporter, name: str) -> list[ReadableSpan]:
    return [span for span in exporter.get_finished_spans() if span.name == f"synthgen.{name}"]


def test_spans_are_nested_and_cover_every_batch(tmp_path: Path) -> None:
    exporter, provider, meter = InMemorySpanExporter(), TracerProvider(), Meter(tmp_path / "run")
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    telemetry = Telemetry(meter, provider.get_tracer("test"))
    events: list[object] = []
    with synthgen.observed(tmp_path / "run", events.append) as observer:
        run(tmp_path / "run", observer)
    for event in events:
        telemetry.hear(event)  # type: ignore[arg-type] # events
    telemetry.end(5, ModelUnavailable("no such thing"))
    [whole], shards, batches = (spans_of(exporter, name) for name in ("run", "shard", "batch"))
    assert len(shards) == 2
    assert len(batches) == sum(isinstance(event, Progress) and bool(event.under_way) for event in events)
    assert whole.context is not None
    assert {shard.parent.span_id for shard in shards if shard.parent} == {whole.context.span_id}
    ids = {shard.context.span_id for shard in shards if shard.context}
    assert {batch.parent.span_id for batch in batches if batch.parent} == ids
    assert whole.status.description == "ModelUnavailable: no such thing"
    assert whole.attributes is not None
    assert (whole.attributes["synthgen.exit_code"], whole.attributes["synthgen.shards"]) == (5, 2)
    assert shards[0].attributes is not None
    assert shards[0].attributes["synthgen.attempts.accepted"] == 10


def test_a_provider_reads_the_same_metrics(tmp_path: Path) -> None:
    reader, meter = InMemoryMetricReader(), Meter(tmp_path / "run")
    provider = MeterProvider([reader])
    meter_of(provider, meter)
    meter.hear(progress(0, 7))
    data = reader.get_metrics_data()
    assert data is not None
    found = {
        metric.name: [(dict(point.attributes or {}), point.value) for point in metric.data.data_points]  # type: ignore[union-attr] # sums and gauges
        for metric in data.resource_metrics[0].scope_metrics[0].metrics
    }
    provider.shutdown()
    assert found["synthgen_images_accepted"] == [({"run": str(tmp_path / "run"), "class": "doctor"}, 7.0)]
    assert found["synthgen_attempts"][0][1] == 7.0
    assert found["synthgen_working"][0][1] == 1.0


@pytest.fixture
def collector() -> Iterator[tuple[str, dict[str, list[bytes]]]]:
    """A collector of OTLP on this machine: its address, and what it got by path."""
    got: dict[str, list[bytes]] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.setdefault(self.path, []).append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", got
        server.shutdown()
        thread.join()


def test_the_environment_decides_what_is_sent_and_where(
    collector: tuple[str, dict[str, list[bytes]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, got = collector

    def observe() -> None:
        with synthgen.observed(tmp_path / "run") as observer:
            observer(progress(0, 3))

    observe()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    observe()
    assert got == {}, "nothing is sent unless it is asked for"

    monkeypatch.delenv("OTEL_SDK_DISABLED")
    observe()
    assert sorted(got) == ["/v1/metrics", "/v1/traces"]
    request = ExportTraceServiceRequest.FromString(got["/v1/traces"][0])
    [resource] = request.resource_spans
    assert {span.name for span in resource.scope_spans[0].spans} == {"synthgen.run", "synthgen.shard", "synthgen.batch"}
    assert "synthgen" in [
        each.value.string_value for each in resource.resource.attributes if each.key == "service.name"
    ]
    metrics = ExportMetricsServiceRequest.FromString(got["/v1/metrics"][-1])
    names = {metric.name for metric in metrics.resource_metrics[0].scope_metrics[0].metrics}
    assert {"synthgen_attempts", "synthgen_images", "synthgen_exit_code"} <= names

    got.clear()
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "none")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc")
    observe()
    assert got == {}


def test_a_collector_that_is_not_there_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    with synthgen.observed(tmp_path / "run") as observer:
        observer(progress(0, 3))
