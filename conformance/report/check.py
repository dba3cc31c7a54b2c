"""Opens reports in headless Chromium and checks what a reader relies on.

    python3 conformance/report/check.py BROWSER SCREENSHOTS REPORT...

Each report, at 1280 and 400 pixels, light and dark: nothing is fetched, nothing is said on the console,
all sections are there and take place, nothing runs out of the page, text is large enough and stands out
from what is behind it, every picture has a text alternative, and every link leads somewhere. Also prints
it. Needs nothing but Python: the browser is driven through the pipe of its DevTools protocol.
"""

import base64
import itertools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

WIDTHS = (1280, 400)
SECTIONS = {"summary", "data", "network", "training", "results", "mistakes", "reproduce"}
# Smallest text on the screen, and what contrast WCAG 2.2 AA asks of ordinary text.
SMALLEST, CONTRAST = 9.0, 4.5

LOOK = r"""
(() => {
  const problems = [];
  const say = (...words) => problems.push(words.join(" "));
  const page = document.scrollingElement;
  if (page.scrollWidth > innerWidth + 1) say("the page is", page.scrollWidth, "wide");
  const sections = [...document.querySelectorAll("main > section")];
  for (const section of sections) {
    const box = section.getBoundingClientRect();
    if (box.width < 200 || box.height < 60) say("section", section.id, "takes no place");
    const heading = section.querySelector("h2");
    if (!heading || !heading.textContent.trim()) say("section", section.id, "has no heading");
    if (section.getAttribute("aria-labelledby") !== heading.id) say("section", section.id, "is not named by its heading");
  }
  let level = 0;
  for (const heading of document.querySelectorAll("h1,h2,h3,h4")) {
    const at = Number(heading.tagName[1]);
    if (at > level + 1) say("heading", heading.textContent, "skips a level");
    level = at;
  }
  for (const link of document.querySelectorAll("a[href^='#']"))
    if (!document.getElementById(link.getAttribute("href").slice(1))) say("link to nowhere", link.href);
  const seen = new Set();
  for (const element of document.querySelectorAll("[id]")) {
    if (seen.has(element.id)) say("two elements are called", element.id);
    seen.add(element.id);
  }
  for (const image of document.images) {
    if (!image.alt.trim()) say("a picture without words");
    if (!image.complete || !image.naturalWidth) say("a broken picture", image.alt);
    if (!image.src.startsWith("data:")) say("a picture from elsewhere", image.src);
  }
  for (const svg of document.querySelectorAll("svg")) {
    if (svg.closest("svg") !== svg) continue;
    const words = svg.getAttribute("aria-label") || svg.querySelector(":scope > title")?.textContent || "";
    if (svg.getAttribute("role") !== "img" || words.trim().length < 5) say("a drawing without words", svg.outerHTML.slice(0, 80));
    if (svg.getBoundingClientRect().width < 100) say("a drawing takes no place:", words.slice(0, 60));
  }
  for (const box of document.querySelectorAll(".scroll"))
    if (box.tabIndex !== 0 || !box.getAttribute("aria-label")) say("a frame that scrolls cannot be reached by keyboard");

  const rgb = text => {
    const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
    const scale = text.startsWith("color(srgb") ? 1 : 255;
    return [r / scale, g / scale, b / scale, a];
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(c => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const behind = element => {
    const layers = [];
    for (let at = element; at && at.nodeType === 1; at = at.parentElement) {
      const colour = rgb(getComputedStyle(at).backgroundColor);
      layers.push(colour);
      if (colour[3] === 1) break;
    }
    return layers.reverse().reduce((below, top) => over(top, below), [1, 1, 1, 1]);
  };
  let texts = 0, least = Infinity;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement, words = node.textContent.trim();
    if (!words || element.closest("style,title,desc")) continue;
    const style = getComputedStyle(element), svg = element.closest("svg");
    let size = parseFloat(style.fontSize);
    if (svg && svg.viewBox.baseVal.width) size *= svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
    if (size < SMALLEST) say("text of", size.toFixed(1), "pixels:", words.slice(0, 40));
    const box = element.getBoundingClientRect();
    if (!box.width || !box.height) { if (style.display !== "none" && !element.closest("nav")) say("invisible text:", words.slice(0, 40)); continue; }
    if (svg) {
      const frame = svg.getBoundingClientRect();
      if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.bottom > frame.bottom + 1 || box.top < frame.top - 1)
        say("text runs out of its drawing:", words.slice(0, 60));
    } else if (!element.closest(".scroll") && (box.left < -1 || box.right > innerWidth + 1)) say("text runs out of the page:", words.slice(0, 60));
    const ground = behind(svg || element);
    const ink = over(rgb(svg ? style.fill : style.color), ground);
    const [a, b] = [light(ink), light(ground)].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    least = Math.min(least, contrast);
    if (contrast < CONTRAST) say("contrast", contrast.toFixed(2), "of", words.slice(0, 40));
    texts += 1;
  }
  // Texts of one drawing must not lie on each other.
  for (const svg of document.querySelectorAll("svg.chart")) {
    const boxes = [...svg.querySelectorAll("text")].map(text => [text, text.getBoundingClientRect()]);
    boxes.forEach(([text, a], i) => boxes.slice(i + 1).forEach(([other, b]) => {
      const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (across > 2 && down > 4) say("text on text:", text.textContent.slice(0, 30), "and", other.textContent.slice(0, 30));
    }));
  }
  return JSON.stringify({ problems, sections: sections.map(s => s.id), texts, least, height: page.scrollHeight });
})()
""".replace("SMALLEST", str(SMALLEST)).replace("CONTRAST", str(CONTRAST))


class Browser:
    """A browser that speaks JSON, each message ended by a zero byte, on file descriptors 3 and 4."""

    def __init__(self, program, profile):
        to_browser, self.out = os.pipe()
        self.inn, from_browser = os.pipe()

        def numbers():
            # Away from 3 and 4 first: the pipes may have these numbers themselves.
            a, b = os.dup(to_browser), os.dup(from_browser)
            a, b = os.dup(a), os.dup(b)
            os.dup2(a, 3), os.dup2(b, 4)

        options = [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
            "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank",
        ]
        self.process = subprocess.Popen(
            [program, *options], preexec_fn=numbers, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(to_browser), os.close(from_browser)
        self.buffer, self.events, self.count, self.session = b"", [], itertools.count(1), None
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]

    def read(self):
        while b"\0" not in self.buffer:
            data = os.read(self.inn, 1 << 20)
            if not data:
                sys.exit("the browser ended")
            self.buffer += data
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **params):
        number = next(self.count)
        message = {"id": number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("id") == number:
                if "error" in answer:
                    sys.exit(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self.events.append(answer)

    def wait(self, method):
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self.read())

    def close(self):
        self.session = None
        os.write(self.out, json.dumps({"id": 0, "method": "Browser.close"}).encode() + b"\0")
        self.process.wait(30)


def complaints(events, address):
    """What was fetched, logged or thrown."""
    for event in events:
        params = event.get("params", {})
        if event.get("method") == "Network.requestWillBeSent":
            url = params["request"]["url"]
            if url != address and not url.startswith("data:"):
                yield f"fetches {url}"
        elif event.get("method") == "Log.entryAdded":
            yield f"log: {params['entry']['text']}"
        elif event.get("method") in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
            yield f"console: {json.dumps(params)[:200]}"


def check(browser, report, screenshots):
    address, found = report.resolve().as_uri(), []
    name = report.parent.name if report.name == "report.html" else report.stem
    for width, scheme in itertools.product(WIDTHS, ("light", "dark")):
        where = f"{name}, {width} pixels, {scheme}"
        browser.events.clear()
        browser.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600
        )
        media = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.call("Emulation.setEmulatedMedia", media="screen", features=media)
        browser.call("Page.navigate", url=address)
        browser.wait("Page.loadEventFired")
        result = browser.call("Runtime.evaluate", expression=LOOK)["result"]
        if "value" not in result:
            sys.exit(f"{where}: {result.get('description', result)}")
        seen = json.loads(result["value"])
        problems = seen["problems"] + list(complaints(browser.events, address))
        wanted = SECTIONS - ({"training"} if name == "evaluation" else set())
        problems += [f"section {missing} is missing" for missing in sorted(wanted - set(seen["sections"]))]
        found += [f"{where}: {problem}" for problem in problems]
        clip = {"x": 0, "y": 0, "width": width, "height": seen["height"], "scale": 1}
        shot = browser.call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        (screenshots / f"{name}-{width}-{scheme}.png").write_bytes(base64.b64decode(shot["data"]))
        print(f"{where}: {seen['texts']} texts, contrast at least {seen['least']:.1f}, {seen['height']} pixels high")
    browser.call("Emulation.setEmulatedMedia", media="print", features=[])
    pdf = base64.b64decode(browser.call("Page.printToPDF", printBackground=False)["data"])
    (screenshots / f"{name}.pdf").write_bytes(pdf)
    size = report.stat().st_size
    print(f"{name}: {size / 1e6:.2f} MB, prints")
    if 5e6 < size:
        found.append(f"{name}: {size} bytes are more than 5 MB")
    return found


if __name__ == "__main__":
    program, screenshots, *reports = sys.argv[1:]
    Path(screenshots).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(program, profile)
        for domain in ("Page", "Runtime", "Log", "Network"):
            browser.call(f"{domain}.enable")
        found = [problem for report in reports for problem in check(browser, Path(report), Path(screenshots))]
        browser.close()
    print(*found, sep="\n")
    sys.exit(1 if found else 0)
