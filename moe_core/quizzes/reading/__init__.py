"""Reads quizzes of every file kind into questions; each bad row is named with its file, row and reason."""
