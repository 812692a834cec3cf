"""Measuring: how fast a search is.

samples.py      made-up rows on which a given distance is defined
throughput.py   distances and queries a second
"""
