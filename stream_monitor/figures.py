"""Figures as people read them."""

from __future__ import annotations


def number(value: float) -> str:
    """A number in few digits."""
    return f"{value:,.0f}" if 1e3 <= abs(value) < 1e9 else f"{value:.4g}"


def percent(share: float) -> str:
    """A share: 12.3%, and 0.04% rather than 0.0%."""
    return f"{100 * share:.1f}%" if share >= 0.001 or share == 0 else f"{100 * share:.2g}%"


def of_rows(share: float, rows: int) -> str:
    """A share of so many rows."""
    return f"all {rows:,} rows" if share == 1 else f"{percent(share)} of {rows:,} rows"
