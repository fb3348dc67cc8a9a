"""The view that runs prepared experiments and shows what they found."""
