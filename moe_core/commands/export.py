"""`moescope export`: a trace as tidy tables for pandas, polars or a spreadsheet."""

from pathlib import Path
from typing import Annotated

import typer

from moe_core.commands.console.job_console import run_job
from moe_core.commands.console.options import AsJson, check_target_folder
from moe_core.errors import MoeCoreError
from moe_core.jobs.export_tables import TableFormat, TablesRequest, export_tables
from moe_core.numbers.formatting import counted
from moe_core.system.console_text import print_result


def export(
    trace: Annotated[
        Path, typer.Argument(readable=False, help="The trace to export, finished or not.", show_default=False)
    ],
    parquet: Annotated[
        Path | None,
        typer.Option(readable=False, help="Write questions, answers and routing as Parquet into this folder."),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(readable=False, help="Write them as CSV, which takes many times the room.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a trace as tidy tables: questions, answers, and the routing of every token."""
    asked = [(TableFormat.PARQUET, parquet), (TableFormat.CSV, csv)]
    folders = [(table_format, folder) for table_format, folder in asked if folder is not None]
    if not folders:
        raise MoeCoreError("Say where to write: --parquet DIR or --csv DIR.")
    for _, folder in folders:
        check_target_folder(folder, trace)
    results = [run_job(export_tables(TablesRequest(trace, folder, table_format))) for table_format, folder in folders]
    tables = [table for result in results for table in result.tables]
    n_left_out, item = results[0].n_left_out, results[0].item
    lines = [f"Written: {table.path}, {table.n_rows:,} rows" for table in tables]
    if n_left_out:
        lines.append(f"Without the routing of {counted(n_left_out, item)} not recorded, or damaged.")
    written = [{"path": str(table.path), "rows": table.n_rows} for table in tables]
    print_result({"tables": written, "n_left_out": n_left_out}, lines, as_json=as_json)
