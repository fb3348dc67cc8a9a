"""The queue of jobs: what waits and what goes first, and the file that keeps what is not finished."""
