"""Adversarially robust neural architecture search."""
