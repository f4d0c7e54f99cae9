"""The types of the house to text and bytes, and back."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

import numpy as np
from pydantic import TypeAdapter

from forecaster.types import Forecasts, Kind, NotRun, Panel, SeriesKey, Slice, Step

T = TypeVar("T")


_adapter: Callable[[Any], TypeAdapter[Any]] = cache(TypeAdapter)  # building one takes far longer than using it


def to_text(value: object) -> str:
    """Returns a dataclass of types.py (one without arrays) as JSON; NaN and infinities stay what they are."""
    return json.dumps(_adapter(type(value)).dump_python(value, mode="json"))


def from_text(kind: type[T], text: str) -> T:
    """Returns the dataclass that `to_text` wrote; raises pydantic's ValidationError when the text is not one."""
    value: T = _adapter(kind).validate_json(text)
    return value


def slice_to_text(value: Slice) -> str:
    """Returns a slice as JSON."""
    return json.dumps(value)


def slice_from_text(text: str) -> Slice:
    """Returns the slice that `slice_to_text` wrote."""
    return tuple((name, value) for name, value in json.loads(text))


def _pack(head: dict[str, Any], **arrays: np.ndarray[Any, Any]) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, head=np.frombuffer(json.dumps(head).encode(), np.uint8), **arrays)
    return file.getvalue()


def _unpack(body: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    with np.load(io.BytesIO(body), allow_pickle=False) as file:
        arrays = dict(file)
    return json.loads(arrays.pop("head").tobytes()), arrays


def panel_to_bytes(panel: Panel) -> bytes:
    """Returns a panel as compressed bytes, the same for the same panel."""
    head = {
        "keys": [to_text(key) for key in panel.keys],
        "kinds": panel.kinds,
        "step": panel.step,
        "provisional": panel.provisional,
    }
    return _pack(head, periods=panel.periods, **panel.arrays)


def panel_from_bytes(body: bytes) -> Panel:
    """Returns the panel that `panel_to_bytes` wrote."""
    head, arrays = _unpack(body)
    kinds: tuple[Kind, ...] = tuple(head["kinds"])
    step: Step = head["step"]
    return Panel(_keys(head["keys"]), kinds, step=step, provisional=head["provisional"], **arrays)


def forecasts_to_bytes(forecasts: Forecasts) -> bytes:
    """Returns forecasts as compressed bytes, the same for the same forecasts; draws are too large to keep."""
    head = {
        "keys": [to_text(key) for key in forecasts.keys],
        "origin": forecasts.origin.isoformat(),
        "models": forecasts.models,
        "not_run": [to_text(item) for item in forecasts.not_run],
    }
    coverage = {} if forecasts.coverage is None else {"coverage": forecasts.coverage}
    return _pack(head, periods=forecasts.periods, values=forecasts.values, **coverage)


def forecasts_from_bytes(body: bytes) -> Forecasts:
    """Returns the forecasts that `forecasts_to_bytes` wrote."""
    head, arrays = _unpack(body)
    return Forecasts(
        keys=_keys(head["keys"]),
        origin=np.datetime64(head["origin"], "D").astype(object),
        models=tuple(head["models"]),
        not_run=tuple(from_text(NotRun, item) for item in head["not_run"]),
        **arrays,
    )


def _keys(texts: list[str]) -> tuple[SeriesKey, ...]:
    return tuple(from_text(SeriesKey, text) for text in texts)
