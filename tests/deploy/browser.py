"""A real Chromium, led over the DevTools protocol as a person leads it: files, mouse, touch and keys."""

import base64
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

PATIENCE_S = 120.0


def find_chromium() -> str | None:
    """The browser's program, if there is one."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Page:
    """One tab."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._number = 0
        self.complaints: list[str] = []
        """What the page logged as an error, broke by an exception, or was refused by its own policy."""
        for domain in ("Page", "Runtime", "Log", "DOM"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Ask the browser; returns its answer."""
        self._number += 1
        self._connection.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._connection.recv(PATIENCE_S))
            if message.get("id") == self._number:
                assert "error" not in message, f"{method}: {message['error']}"
                return dict(message["result"])
            self._note(message)

    def _note(self, event: dict[str, Any]) -> None:
        if event.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(event["params"]["exceptionDetails"]))
        entry = event.get("params", {}).get("entry", {})
        if event.get("method") == "Log.entryAdded" and entry["level"] == "error":
            self.complaints.append(entry["text"])

    def open(self, address: str) -> None:
        self.call("Page.navigate", url=address)
        self.wait("document.readyState === 'complete'")

    def look(self, width: int, height: int, *, dark: bool = False, touch: bool = False, density: float = 1) -> None:
        """The size of the screen, its colours, and whether it is touched."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=density,
            mobile=touch,
        )
        self.call("Emulation.setTouchEmulationEnabled", enabled=touch)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def value(self, expression: str) -> Any:
        """What a JavaScript expression gives."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, expression: str) -> None:
        """Until an expression is true."""
        ends = time.monotonic() + PATIENCE_S
        while not self.value(expression):
            assert time.monotonic() < ends, f"never: {expression}; the page says: {self.text()}"
            time.sleep(0.05)

    def text(self) -> str:
        """What can be read on the page."""
        return str(self.value("document.body.innerText"))

    def box(self, selector: str) -> tuple[float, float, float, float]:
        """Left, top, width and height of an element on the screen."""
        found = self.value(
            f"(({{left, top, width, height}}) => [left, top, width, height])"
            f"(document.querySelector({json.dumps(selector)}).getBoundingClientRect())"
        )
        return (found[0], found[1], found[2], found[3])

    def choose(self, selector: str, *files: Path) -> None:
        """Give files to an input, as its dialog does."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", files=[str(file) for file in files], nodeId=node)

    def drop(self, selector: str, *files: Path) -> None:
        """Drag files from outside onto an element and let them fall."""
        left, top, width, height = self.box(selector)
        data = {"items": [], "files": [str(file) for file in files], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.call("Input.dispatchDragEvent", type=kind, x=left + width / 2, y=top + height / 2, data=data)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Press the mouse, move it, let go."""
        self._mouse("mouseMoved", *start)
        self._mouse("mousePressed", *start)
        for step in range(1, 5):
            self._mouse("mouseMoved", *(a + (b - a) * step / 4 for a, b in zip(start, end, strict=True)))
        self._mouse("mouseReleased", *end)

    def _mouse(self, kind: str, x: float, y: float) -> None:
        pressed = kind != "mouseReleased"
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=int(pressed), clickCount=1)

    def swipe(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Touch, move, lift."""
        self.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": start[0], "y": start[1]}])
        for step in range(1, 9):
            x, y = (a + (b - a) * step / 8 for a, b in zip(start, end, strict=True))
            self.call("Input.dispatchTouchEvent", type="touchMove", touchPoints=[{"x": x, "y": y}])
        self.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def click(self, selector: str) -> None:
        left, top, width, height = self.box(selector)
        self._mouse("mousePressed", left + width / 2, top + height / 2)
        self._mouse("mouseReleased", left + width / 2, top + height / 2)

    def press(self, key: str) -> None:
        """One key, by its name in the DOM."""
        code = {"ArrowLeft": 37, "ArrowRight": 39, "Home": 36, "End": 35, "Enter": 13, "z": 90}[key]
        for kind in ("rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code)

    def screenshot(self, file: Path) -> bytes:
        """The screen as a PNG file."""
        data = base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])
        file.write_bytes(data)
        return data


@contextmanager
def browsing(program: str, folder: Path) -> Iterator[Callable[[], Page]]:
    """A browser with a profile of its own in `folder`; gives a function that opens tabs."""
    process = subprocess.Popen(
        [
            program,
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--remote-debugging-port=0",
            f"--user-data-dir={folder}",
            "about:blank",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        base = _debugging_address(process, folder)
        with ExitStack() as connections:

            def connected(address: str) -> ClientConnection:
                return connections.enter_context(connect(address, max_size=None, open_timeout=PATIENCE_S))

            browser = connected(base)

            def tab() -> Page:
                browser.send(json.dumps({"id": 1, "method": "Target.createTarget", "params": {"url": "about:blank"}}))
                while "id" not in (answer := json.loads(browser.recv(PATIENCE_S))):
                    pass
                return Page(connected(f"{base.partition('/devtools')[0]}/devtools/page/{answer['result']['targetId']}"))

            yield tab
    finally:
        process.terminate()
        process.wait(60)


def _debugging_address(process: "subprocess.Popen[bytes]", folder: Path) -> str:
    file = folder / "DevToolsActivePort"
    ends = time.monotonic() + PATIENCE_S
    while True:
        assert process.poll() is None, "the browser ended by itself"
        lines = file.read_text().split() if file.exists() else []
        if len(lines) == 2:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        assert time.monotonic() < ends, "the browser does not come up"
        time.sleep(0.1)
