from .access import new_key as new_key
from .app import create_app as create_app
from .server import serve as serve
from .settings import Settings as Settings
