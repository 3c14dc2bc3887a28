"""Renderings: how sheets become files, as text, PDF or scan."""
