"""The part of the HDF5 format that traces use: headers written by the library, read by our own code."""
