"""What a run is before the model is asked, how it fills a trace, and how answers under further masks are kept."""
