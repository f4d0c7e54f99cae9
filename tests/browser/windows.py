"""Sizes of windows, and who looks out of them."""

from __future__ import annotations

from playwright.sync_api import ViewportSize

PHONE, DESK = ViewportSize(width=390, height=844), ViewportSize(width=1280, height=900)
PATEL = {"X-Forwarded-User": "A. Patel"}
