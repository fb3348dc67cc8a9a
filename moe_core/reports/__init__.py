"""What was found as text, JSON, CSV and pages: formats, page parts, charts and sentences."""
