"""Pictures of a report for the documentation.

    python3 conformance/report/shots.py BROWSER REPORT FOLDER

Needs nothing but Python and a Chromium, as check.py does.
"""

import base64
import json
import sys
import tempfile
from pathlib import Path

from check import Browser

WIDTH = 1080
# Name of the picture, colours, what it shows from the top of the first to the end of the last.
SHOTS = [
    ("report", "light", "header", "#data .pictures"),
    ("report-results", "dark", "#results h2", "#results .charts"),
    ("report-mistakes", "light", "#mistakes", "#mistakes"),
]
PLACE = """(() => {
  const at = selector => document.querySelector(selector).getBoundingClientRect();
  return JSON.stringify([at(%s).top + scrollY, at(%s).bottom + scrollY]);
})()"""
AROUND = 18


def shoot(browser, report, folder):
    browser.call("Emulation.setDeviceMetricsOverride", width=WIDTH, height=900, deviceScaleFactor=1, mobile=False)
    for name, scheme, first, last in SHOTS:
        media = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.call("Emulation.setEmulatedMedia", media="screen", features=media)
        browser.events.clear()
        browser.call("Page.navigate", url=report.resolve().as_uri())
        browser.wait("Page.loadEventFired")
        place = PLACE % (json.dumps(first), json.dumps(last))
        top, bottom = json.loads(browser.call("Runtime.evaluate", expression=place)["result"]["value"])
        top = max(top - AROUND, 0)
        clip = {"x": 0, "y": top, "width": WIDTH, "height": bottom + AROUND - top, "scale": 1}
        shot = browser.call(
            "Page.captureScreenshot", captureBeyondViewport=True, clip=clip, format="webp", quality=80
        )
        (folder / f"{name}.webp").write_bytes(base64.b64decode(shot["data"]))


if __name__ == "__main__":
    program, report, folder = sys.argv[1:]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(program, profile)
        browser.call("Page.enable")
        shoot(browser, Path(report), Path(folder))
        browser.close()
