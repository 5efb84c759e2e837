"""Serving: how long ``mlflow models serve`` takes a question, and whether replies name the version.

    python -m benchmarks.serving [--model rsft@champion] [--questions 200] [--json]

In a checkout after ``make demo``. The server has no network but loopback. The questions are those
of the evaluation set, asked one by one as a client would, and then all at once; beside that, the
policy is asked in this process, by the function that evaluation uses.
"""

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import psutil

from rsft.config import load_config
from rsft.ledger import read_rows
from rsft.lineage import Workspace
from rsft.registry import Registry
from rsft.runs.ask import load_respondent
from rsft.stages.contract import split_file
from rsft.types import Prompt

LIMIT = 100.0
"""Milliseconds that a question may take."""
PATIENCE = 300.0
"""Seconds that the server may take to start."""


def main() -> None:
    """Prints the times; exits with 1 where they are too long or a reply names another version."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="end with one JSON document")
    parser.add_argument("--model", default="rsft@champion")
    parser.add_argument("--questions", type=int, default=200)
    arguments = parser.parse_args()
    found = measure(arguments.model, arguments.questions)
    named, served = found["named"], found["served_ms"]
    print(f"{line('served', served)}, of it {found['processor_ms']:.0f} ms of processor time")
    print(line("in process", found["in_process_ms"]))
    print(f"all in one request: {found['all_at_once_ms']:.0f} ms; start {found['start_s']:.1f} s")
    print(f"replies name {', '.join(named)}; {arguments.model} is {found['model']}")
    if arguments.json:
        print(json.dumps(found))
    is_right = named == [found["model"]] and found["same_answers"]
    sys.exit(0 if is_right and served["p95"] <= LIMIT else 1)


def measure(model: str, count: int) -> dict[str, Any]:
    """Asks the served model, and then the policy in this process.

    Args:
        model: ``NAME@ALIAS`` or ``NAME/VERSION``.
        count: Questions at most.
    """
    workspace = Workspace.open()
    workspace.enter()
    config = load_config()
    registry = Registry.open(workspace.home, config.register_.tracking_uri)
    prompts = read_rows(split_file(config.evaluate.sets["eval"]), Prompt)
    questions = [prompt.text for prompt in prompts[:count]]
    with serving(f"models:/{model}", registry.tracking_uri) as (server, address, started):
        ask(address, questions[:1])
        before = processor_ms(server)
        served = [timed(partial(ask, address, [question])) for question in questions]
        processor = (processor_ms(server) - before) / len(questions)
        together, _ = timed(partial(ask, address, questions))
    respondent = load_respondent(config, workspace.home, model)
    respondent.reply(questions[0])
    bare = [timed(partial(respondent.reply, question)) for question in questions]
    return {
        "model": respondent.name,
        "questions": len(questions),
        "start_s": started,
        "served_ms": figures([milliseconds for milliseconds, _ in served]),
        "processor_ms": processor,
        "in_process_ms": figures([milliseconds for milliseconds, _ in bare]),
        "all_at_once_ms": together,
        "named": sorted({reply["model"] for _, replies in served for reply in replies}),
        "same_answers": [replies[0]["answer"] for _, replies in served]
        == [reply.answer for _, reply in bare],
    }


@contextmanager
def serving(model_uri: str, tracking_uri: str) -> Iterator[tuple[int, str, float]]:
    """Serves a model as a person would.

    Yields:
        Its process, the address, and the seconds until it answered.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:9")
    environment = (
        os.environ
        | nowhere
        | {
            "no_proxy": "127.0.0.1,localhost",
            "HF_HUB_OFFLINE": "1",
            "MLFLOW_TRACKING_URI": tracking_uri,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
    )
    command = ["mlflow", "models", "serve", "--model-uri", model_uri, "--env-manager", "local"]
    started = time.perf_counter()
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # it is two processes, which end together
        )
        try:
            while not answers(f"http://127.0.0.1:{port}/ping"):
                late = time.perf_counter() - started > PATIENCE
                if server.poll() is not None or late:
                    log.seek(0)
                    sys.exit(f"the server did not start:\n{log.read().decode()}")
                time.sleep(0.1)
            seconds = time.perf_counter() - started
            yield server.pid, f"http://127.0.0.1:{port}/invocations", seconds
        finally:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def processor_ms(process: int) -> float:
    """Processor time of a process and its children so far: what else is at work does not count."""
    root = psutil.Process(process)
    times = [own.cpu_times() for own in (root, *root.children(recursive=True))]
    return 1000 * sum(own.user + own.system for own in times)


def answers(address: str) -> bool:
    """Whether something answers there."""
    try:
        with urlopen(address, timeout=5) as response:
            return bool(response.status == 200)
    except (URLError, OSError):
        return False


def ask(address: str, questions: Sequence[str]) -> list[dict[str, Any]]:
    """Asks the server."""
    body = {"dataframe_records": [{"question": question} for question in questions]}
    request = Request(address, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=60) as response:
        replies: list[dict[str, Any]] = json.load(response)["predictions"]
        return replies


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    """Milliseconds that a call takes, and what it gives."""
    started = time.perf_counter()
    result = function()
    return 1000 * (time.perf_counter() - started), result


def figures(milliseconds: Sequence[float]) -> dict[str, float]:
    """Median, 95th percentile and longest."""
    ordered = sorted(milliseconds)
    return {
        "p50": statistics.median(ordered),
        "p95": ordered[int(0.95 * (len(ordered) - 1))],
        "max": ordered[-1],
    }


def line(what: str, found: dict[str, float]) -> str:
    """Times for people."""
    return f"{what}: {found['p50']:.0f} ms a question, 95% within {found['p95']:.0f} ms"


if __name__ == "__main__":
    main()
