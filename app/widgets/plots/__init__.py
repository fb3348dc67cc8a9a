"""Heat maps, curves and interval charts, their axes and colours."""
