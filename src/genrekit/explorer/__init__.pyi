from .launching import launch as launch
from .opening import Opened as Opened
from .opening import open_paths as open_paths
