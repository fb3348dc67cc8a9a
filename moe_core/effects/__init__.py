"""The effect of every single expert on every answer: predicted within a budget, measured on demand."""
