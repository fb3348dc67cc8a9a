"""The bar that narrows down a list: what is typed, toggles, popups, and a chip for each condition."""
