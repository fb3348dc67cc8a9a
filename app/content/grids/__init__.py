"""What the grid of layers and experts shows: values, effects, differences, and which cells are masked."""
