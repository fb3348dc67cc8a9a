"""What charts are put together from: markup, the sheet they are drawn on, texts, axes, legends, markers."""
