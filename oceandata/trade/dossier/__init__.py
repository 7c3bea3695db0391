"""
The quality dossier of a revision: reproducible checks on the six dimensions of GB/T 36344.

Every check names its method and version, its sample, and the digest of what it found; unknown stays unknown.
"""

from oceandata.trade.dossier.assessing import assess, assess_product
from oceandata.trade.dossier.report import Check, Dossier, write_dossier

__all__ = ["Check", "Dossier", "assess", "assess_product", "write_dossier"]
