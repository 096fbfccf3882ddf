from .make import distil as distil
from .recipe import DistilRecipe as DistilRecipe
from .recipe import is_distil_recipe as is_distil_recipe
from .recipe import load_distil_recipe as load_distil_recipe
