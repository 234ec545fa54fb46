"""Measured data: snapshots, series, likelihoods, goodness of fit."""
