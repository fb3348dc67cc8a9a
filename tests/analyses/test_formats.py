"""Every analysis as JSON, as CSV and as a figure, on one small trace and its model."""

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from moe_core.analyses import ANALYSES
from moe_core.analyses.analysis import AnalysisOptions, Needs, Shown
from moe_core.jobs.analyse import analyse
from moe_core.jobs.analysis_sources import AnalysisRequest
from moe_core.jobs.models.engine import Engine
from moe_core.numbers.formatting import short
from moe_core.reports.analysis_result import analysis_json, analysis_lines, values_table
from moe_core.reports.charts.figure import standalone_svg
from tests.job_results import result_of


def test_a_mean_that_is_rounding_is_0(small_trace: Path, tmp_path: Path, atlas_engine: Engine) -> None:
    """Components have the mean 0; and no expert of one layer is itself in another."""
    trace = Path(shutil.copy(small_trace, tmp_path / "T.h5"))
    result = result_of(analyse(AnalysisRequest("expert-pca", trace), atlas_engine))
    lines = list(analysis_lines(result))
    assert sum("mean 0," in line for line in lines) == 3 * 3
    flow = result_of(analyse(AnalysisRequest("cross-layer-flow", trace), atlas_engine))
    assert f"mean {short(4 / 16)}," in next(line for line in analysis_lines(flow) if line.startswith("  layer"))


@pytest.mark.parametrize("analysis", ANALYSES, ids=lambda analysis: analysis.name)
def test_json_csv_and_figure_of_every_array(
    small_trace: Path, tmp_path: Path, atlas_engine: Engine, analysis: Any
) -> None:
    """JSON holds the arrays with null for what is unknown, CSV a line for every number, and each array has a figure."""
    trace = Path(shutil.copy(small_trace, tmp_path / "T.h5"))
    options = AnalysisOptions(layers=(1,), n_questions=2, pairs=3, expert=(1, 3))
    other = small_trace if analysis.needs is Needs.TWO_TRACES else None
    result = result_of(analyse(AnalysisRequest(analysis.name, trace, other, options=options), atlas_engine))
    data = json.loads(json.dumps(analysis_json(result), allow_nan=False))
    assert data["layers"] == [1]
    for key, values in result.found.values.items():
        np.testing.assert_array_equal(np.array(data["values"][key], float), values)
        text = values_table(result.found, key).as_csv("")
        rows = [row for row in csv.reader(io.StringIO(text)) if row and not row[0].startswith("#")]
        assert len(rows) == values.size + 1
        assert "<svg" in standalone_svg(analysis.figure(result.found, Shown(key, 0, 3)))
