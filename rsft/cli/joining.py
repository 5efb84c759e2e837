"""``rsft join``: this machine, lent to the trainings of another."""

from typing import Annotated

import typer
from rich.markup import escape

from rsft.cli.app import app
from rsft.report.plain import plain
from rsft.report.sheet import plain_console


@app.command()
def join(
    address: Annotated[
        str, typer.Argument(metavar="HOST:PORT", help="hosts.address of the host that trains.")
    ],
) -> None:
    """Take part in the trainings of another host, one after another, till Ctrl-C."""
    from rsft.finetune import join as take_part
    from rsft.stages.training import this_machine

    console = plain_console(soft_wrap=True)
    take_part(address, this_machine(), lambda line: console.print(escape(plain(line))))
