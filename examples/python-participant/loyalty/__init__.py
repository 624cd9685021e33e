"""Loyalty points: a participant of Expeditor in Python.

It learns how to take part from the AsyncAPI document alone, and shares neither code nor database
with anybody.
"""
