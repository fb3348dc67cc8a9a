"""Several traces of one model beside each other: which experts which task uses, and prunes away for another."""
