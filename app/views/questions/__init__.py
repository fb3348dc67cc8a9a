"""The Questions view: the list of questions, whose filter is the selection of every other view."""
