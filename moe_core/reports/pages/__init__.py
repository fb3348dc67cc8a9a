"""One file a page that needs nothing else: several models, tasks, what-ifs, an experiment, a model's card."""
