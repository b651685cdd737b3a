from .stock import Stock as Store
from .helpers import *
