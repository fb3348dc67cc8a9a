"""From a name to a model in memory: find it, judge its files, see whether it fits, load it, check its routers."""
