# The public names, each from the module where it lives; the package loads them when they are first used.

# Describe a network.
from .data.data_set import DataSet as DataSet
from .experiments.cell import Cell as Cell
from .experiments.euler import Euler as Euler
from .experiments.euler_maruyama import EulerMaruyama as EulerMaruyama
from .experiments.spelling import brownian_networks as brownian_networks
from .experiments.spelling import network as network
from .experiments.spelling import path_networks as path_networks
from .experiments.spelling import sweep as sweep
from .experiments.spelling import training as training
from .experiments.sweep import Sweep as Sweep
from .experiments.training import Training as Training
from .networks.activations import Activation as Activation
from .networks.branches import Branch as Branch
from .networks.inputs import Input as Input
from .networks.scalings import Scaling as Scaling
from .networks.weights import Weights as Weights

# isort: split
# Simulate it.
from .experiments.experiment import Sample as Sample
from .simulation.archive import read_sample as read_sample
from .simulation.archive import write_sample as write_sample
from .simulation.cluster import open_cluster as open_cluster
from .simulation.runner import simulate as simulate

# isort: split
# Judge claims.
from .catalogue.regimes import all_claims as all_claims
from .claims.claim import PROFILES as PROFILES
from .claims.claim import Profile as Profile
from .claims.planning import plan_claim as plan_claim
from .findings.run import RunRecord as RunRecord
from .verification.run import verify as verify
from .verification.user_claims import load_claims as load_claims

# isort: split
# State one's own.
from .claims import observables as observables
from .claims.checks import EXACT as EXACT
from .claims.checks import LIMIT as LIMIT
from .claims.checks import PROVEN as PROVEN
from .claims.checks import Basis as Basis
from .claims.checks import Check as Check
from .claims.checks import check as check
from .claims.claim import Claim as Claim
from .claims.claim import Illustration as Illustration
from .claims.claim import claim as claim
from .claims.estimators import CriticalPoint as CriticalPoint
from .claims.estimators import Distance as Distance
from .claims.estimators import Mean as Mean
from .claims.estimators import Order as Order
from .claims.estimators import Probability as Probability
from .claims.estimators import Quantile as Quantile
from .claims.estimators import Slope as Slope
from .claims.estimators import Spread as Spread
from .claims.estimators import crossing as crossing
from .claims.estimators import median as median
from .findings import pictures as pictures
from .findings.run import Correction as Correction
from .foundation.laws import LogNormal as LogNormal
from .foundation.laws import Normal as Normal
from .foundation.laws import ScaledChiSquare as ScaledChiSquare

# isort: split
# Add to what networks are made of.
from .networks.activations import ActivationDefinition as ActivationDefinition
from .networks.additions import add_activation as add_activation
from .networks.additions import add_branch as add_branch
from .networks.additions import add_input as add_input
from .networks.additions import add_law as add_law
from .networks.additions import add_process as add_process
from .networks.branches import BranchDefinition as BranchDefinition
from .networks.custom_processes import CovarianceProcess as CovarianceProcess
from .networks.custom_processes import PathFunction as PathFunction
from .networks.inputs import InputLaw as InputLaw
from .networks.processes import WeightProcess as WeightProcess
from .networks.weight_laws import WeightLaw as WeightLaw

# isort: split
# Statistics by themselves, strategies for tests, and what a user can do wrong.
from . import inference as inference
from . import strategies as strategies
from .foundation.errors import BudgetError as BudgetError
from .foundation.errors import HypothesisError as HypothesisError
from .foundation.errors import NumericalOverflowError as NumericalOverflowError
from .foundation.errors import SpecificationError as SpecificationError
from .foundation.errors import StorageError as StorageError
from .foundation.errors import TheoryCheckError as TheoryCheckError

__version__: str
