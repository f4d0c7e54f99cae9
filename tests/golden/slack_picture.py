"""The picture of a Slack message in the README, drawn from the blocks that Slack gets. It needs a Chromium:

.venv/bin/python -m tests.golden.slack_picture docs/pictures/slack_alert.png
"""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image

from forecaster import chart
from forecaster.channels._slack_blocks import blocks
from tests.render.cases import every_message

WIDTH, SCALE = 640, 1.4
STYLE = """
body { margin: 0; padding: 16px 20px 14px; font: 15px/1.46 "Liberation Sans", Arial, sans-serif; color: #1d1c1d }
article { display: grid; grid-template-columns: 36px 1fr; column-gap: 10px }
.face { width: 36px; height: 36px; border-radius: 6px; background: #20607a; color: #fff; text-align: center;
        font: bold 20px/36px sans-serif }
.name { font-weight: bold } .name time { font: 12px sans-serif; color: #616061 }
.name i { font: 10px sans-serif; background: #e8e8e8; color: #505050; padding: 1px 3px; border-radius: 2px;
        margin: 0 5px; vertical-align: 1px }
h1 { font-size: 18px; line-height: 1.33; margin: 4px 0 6px }
p { margin: 0 0 8px; white-space: pre-wrap } p.context { font-size: 13px; color: #616061 }
button { font: bold 13px sans-serif; color: #1d1c1d; background: #fff; border: 1px solid #bbb; border-radius: 4px;
        padding: 0 12px; height: 28px; margin: 2px 8px 10px 0 }
.replies { display: grid; grid-template-columns: auto 1fr; gap: 10px; align-items: center; font-size: 13px;
        color: #616061; margin: 4px 0 12px }
hr { width: 100%; border: 0; border-top: 1px solid #ddd; margin: 0 }
img { display: block; width: 100%; border: 1px solid #ddd; border-radius: 8px; box-sizing: border-box; margin-top: 4px }
"""


def page(made: Sequence[dict[str, Any]], picture: bytes) -> str:
    """Returns a thread as HTML: the message and, as its only reply, the picture."""
    image = f'<img src="data:image/png;base64,{base64.b64encode(picture).decode()}">'
    body = _said("".join(map(block_html, made))) + '<div class="replies">1 reply<hr></div>' + _said(image)
    return f'<!doctype html><meta charset="utf-8"><style>{STYLE}</style>{body}'


def block_html(block: dict[str, Any]) -> str:
    """Returns one block as HTML; its texts come with & < > escaped already, which is all that HTML needs."""
    match block["type"]:
        case "header":
            return f"<h1>{block['text']['text']}</h1>"
        case "section":
            return f"<p>{_marked(block['text']['text'])}</p>"
        case "context":
            return f'<p class="context">{" ".join(_marked(text["text"]) for text in block["elements"])}</p>'
        case "actions":
            return "".join(f"<button>{button['text']['text']}</button>" for button in block["elements"])
    raise ValueError(block["type"])


def _marked(text: str) -> str:
    return re.sub(r"\*([^*\n]+)\*", r"<b>\1</b>", text)


def _said(inside: str) -> str:
    name = '<div class="name">Forecaster<i>APP</i><time>7:00</time></div>'
    return f'<article><div class="face">F</div><div>{name}{inside}</div></article>'


def photograph(html: str, file: Path) -> None:
    """Writes a PNG of a page, as high as the page is, in 256 colours."""
    measured = html + "<script>document.body.dataset.high = document.documentElement.offsetHeight</script>"
    with tempfile.TemporaryDirectory() as folder:
        shown = Path(folder) / "page.html"
        shown.write_text(measured, encoding="utf-8")
        found = re.search(r'data-high="(\d+)"', _chromium(shown, "--dump-dom"))
        assert found
        _chromium(shown, f"--screenshot={file.absolute()}", high=int(found[1]))
    Image.open(file).convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
        file, optimize=True
    )


def _chromium(shown: Path, *what: str, high: int = 800) -> str:
    program = shutil.which("chromium") or shutil.which("google-chrome") or "chromium-browser"
    plain = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--force-device-scale-factor={SCALE}"]
    command = [program, *plain, f"--window-size={WIDTH},{high}", *what, shown.as_uri()]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout


if __name__ == "__main__":
    alert = replace(every_message()["opened_surge"], answerable=True, page="https://forecaster.example/alerts/1")
    assert alert.chart
    photograph(page(blocks(alert, answers=True), chart.png(alert.chart)), Path(sys.argv[1]))
