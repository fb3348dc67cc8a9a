"""The report formats, in menu order; a new one is one file and one line here."""

from moe_core.reports.format import ReportFormat
from moe_core.reports.formats.csv_tables import CSV
from moe_core.reports.formats.html_page import HTML
from moe_core.reports.formats.json_format import JSON
from moe_core.reports.formats.text import TEXT

REPORT_FORMATS: tuple[ReportFormat, ...] = (TEXT, JSON, CSV, HTML)
