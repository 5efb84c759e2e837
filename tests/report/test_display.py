"""What a run shows while it works."""

import contextvars
import io
import logging
import re
from threading import Thread

import pytest
from rich.console import Console

from rsft.report.display import ConsoleDisplay, LogDisplay, reporting, set_display
from rsft.report.sheet import plain_console

NOTE = "5,140 candidates/s, 41,547 tokens/s, 32% right [bold]not markup[/bold]"


@pytest.mark.parametrize("width", [80, 200])
def test_bar_time_left_and_rates_have_room(width: int) -> None:
    out = io.StringIO()
    display = ConsoleDisplay(Console(file=out, force_terminal=True, width=width))
    with display.stage("generate@1") as progress:
        progress(500, 2000, NOTE)
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", out.getvalue())
    assert re.search(r"generate@1 +━+.* 500/2000 0:00:0\d", shown)
    assert f"    {NOTE}\n" in shown or f"    {NOTE}" in shown


def test_without_a_terminal_nothing_is_shown_before_the_end() -> None:
    out = io.StringIO()
    display = ConsoleDisplay(Console(file=out, force_terminal=False))
    with display.stage("generate@1") as progress:
        progress(500, 2000, NOTE)
    assert out.getvalue().strip() == ""
    display.done("generate@1", "ran", 1.25)
    assert out.getvalue().split() == ["generate@1", "ran", "1.2", "s"]


def test_the_log_takes_progress_too() -> None:
    with LogDisplay().stage("generate@1") as progress:
        progress(500, 2000, NOTE)
        progress(2000, 2000)


def test_no_picture_is_made_of_the_name_of_a_reward() -> None:
    out = io.StringIO()
    ConsoleDisplay(plain_console(file=out)).show("mine:boom: RuntimeError")
    assert out.getvalue() == "mine:boom: RuntimeError\n"


def test_a_warning_is_a_line_of_the_display_whichever_thread_logs_it() -> None:
    out = io.StringIO()

    def watched() -> None:
        set_display(ConsoleDisplay(plain_console(file=out, width=200)))
        with reporting():
            warn = logging.getLogger("rsft").warning
            thread = Thread(target=warn, args=("%s: \x1b[2J[bold]make room", "step-5"))
            thread.start()
            thread.join()
            logging.getLogger("rsft").info("nothing for a person")
        logging.getLogger("rsft").warning("too late")

    contextvars.copy_context().run(watched)
    assert out.getvalue() == "warning: step-5: \\x1b[2J[bold]make room\n"
