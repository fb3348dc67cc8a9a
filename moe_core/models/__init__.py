"""Models: found, judged, loaded, run and pruned. The only room that may import torch."""
