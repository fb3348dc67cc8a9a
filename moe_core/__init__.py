"""moescope's core: records and analyses which experts a Mixture-of-Experts model uses. No Qt in here."""

__version__ = "0.2.0"
