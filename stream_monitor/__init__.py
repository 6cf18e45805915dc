"""Stream Monitor watches machine-learning models in production: the domain and the program."""

__version__ = "0.1.0"
