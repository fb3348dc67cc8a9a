"""Figures as inline SVG for pages that must open anywhere: arrays in, markup out; colours come from the page's CSS."""
