"""The catalogue files that ship; installed as the package data of ``oceandata._catalogs``."""
