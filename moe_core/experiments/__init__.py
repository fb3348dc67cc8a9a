"""The experiments, in menu order; a new one is one file and one line here."""

from moe_core.experiments.boost_best import BOOST_BEST
from moe_core.experiments.experiment import Experiment
from moe_core.experiments.neurons import NEURONS
from moe_core.experiments.never_used import NEVER_USED
from moe_core.experiments.perturbation import PERTURBATION
from moe_core.experiments.prune_to import PRUNE_TO
from moe_core.experiments.pruning_curve import PRUNING_CURVE

EXPERIMENTS: tuple[Experiment, ...] = (NEVER_USED, BOOST_BEST, PRUNING_CURVE, PRUNE_TO, NEURONS, PERTURBATION)
