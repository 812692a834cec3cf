"""What an object is and how it comes in: arrays, files, data types, made-up data. Imports nothing heavy."""

from anear.data.dataset import Dataset
from anear.data.reading import read

__all__ = ["Dataset", "read"]
