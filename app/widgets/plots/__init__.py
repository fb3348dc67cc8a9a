"""Heat maps, curves and interval charts, their axes and colours."""

import pyqtgraph

pyqtgraph.setConfigOptions(antialias=True, imageAxisOrder="row-major")
