"""Recipes to bundles: fit, export, evaluate what was saved."""
