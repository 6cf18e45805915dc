"""Alerts, retrain requests, and what people say about them."""
