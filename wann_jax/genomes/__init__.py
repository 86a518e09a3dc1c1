"""Genomes: gene tables that mutation changes and files keep."""
