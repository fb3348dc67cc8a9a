"""Statistics of proportions and paired changes, and numbers as a paper prints them."""
