"""Written by scripts/stubs."""

from typing import Any

from koubai.data.augment.crop import Crop as Crop
from koubai.data.augment.erase import Erase as Erase
from koubai.data.augment.flip import Flip as Flip
from koubai.data.augment.mixup import Mixup as Mixup
from koubai.data.augment.rotate import Rotate as Rotate
from koubai.data.dataset import DATA as DATA
from koubai.data.dataset import Dataset as Dataset
from koubai.data.dataset import DataSource as DataSource
from koubai.data.flaws.constant_features import ConstantFeatures as ConstantFeatures
from koubai.data.flaws.imbalance import Imbalance as Imbalance
from koubai.data.flaws.missing_values import MissingValues as MissingValues
from koubai.data.flaws.repeated_samples import RepeatedSamples as RepeatedSamples
from koubai.data.flaws.shifted_labels import ShiftedLabels as ShiftedLabels
from koubai.data.flaws.uneven_scales import UnevenScales as UnevenScales
from koubai.data.sampler import Sampler as Sampler
from koubai.data.sources.arrays import Arrays as Arrays
from koubai.data.sources.blobs import Blobs as Blobs
from koubai.data.sources.cifar10 import Cifar10 as Cifar10
from koubai.data.sources.circles import Circles as Circles
from koubai.data.sources.digits import Digits as Digits
from koubai.data.sources.fashion_mnist import FashionMnist as FashionMnist
from koubai.data.sources.flawed import Flawed as Flawed
from koubai.data.sources.image_folder import ImageFolder as ImageFolder
from koubai.data.sources.mnist import Mnist as Mnist
from koubai.data.sources.moons import Moons as Moons
from koubai.data.sources.multi_label import MultiLabel as MultiLabel
from koubai.data.sources.npz_file import NpzFile as NpzFile
from koubai.data.sources.regression import Regression as Regression
from koubai.data.sources.table_file import TableFile as TableFile
from koubai.data.sources.table_file import table as table
from koubai.data.sources.waveforms import Waveforms as Waveforms
from koubai.data.sources.xor import Xor as Xor
from koubai.data.statistics import DatasetStatistics as DatasetStatistics
from koubai.data.statistics import describe as describe

arrays: Any
blobs = Blobs
cifar10 = Cifar10
circles = Circles
digits = Digits
fashion_mnist = FashionMnist
flawed = Flawed
image_folder = ImageFolder
mnist = Mnist
moons = Moons
multi_label = MultiLabel
npz_file = NpzFile
regression = Regression
table_file = TableFile
waveforms = Waveforms
xor = Xor

def __getattr__(name: str) -> Any: ...
