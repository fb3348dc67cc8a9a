"""The grid of layers and experts: where its cells are, what is drawn in them, what is selected."""
