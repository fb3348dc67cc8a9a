"""Two traces of the same questions, before and after an intervention: paired, compared, held against random masks."""
