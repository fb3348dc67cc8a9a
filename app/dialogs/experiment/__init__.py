"""The dialog that runs prepared experiments and shows what they found."""
