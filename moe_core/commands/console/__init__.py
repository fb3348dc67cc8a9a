"""The command line itself: its options, what it prints while a job runs, remedies worded as options."""
