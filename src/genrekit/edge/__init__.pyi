from .contract import EdgeModel as EdgeModel
from .export import export_edge as export_edge
from .graph import edge_graph as edge_graph
from .web import export_web as export_web
