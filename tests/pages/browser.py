"""A page in headless Chromium: what it computes, and whatever it complains of.

In: a page and a script that runs at its end. Out: what the script returns, as JSON has it.
"""

import json
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed (Debian's package chromium)")
SENTINEL = "wann-result"


def run_in(page: Path, script: str, folder: Path) -> dict:
    """The object that `script`, the body of a function, returns, with `complaints`: errors, and refused requests."""
    listen = (
        "<script>window.complaints = [];"
        "addEventListener('error', event => complaints.push(String(event.message)), true);"
        "addEventListener('securitypolicyviolation', event => complaints.push('refused: ' + event.blockedURI));"
        "for (const name of ['error', 'warn']) console[name] = (...words) => complaints.push(words.join(' '));</script>"
    )
    ask = (
        f"<pre id={SENTINEL}></pre><script>setTimeout(() => {{"
        f"let result; try {{ result = (() => {{ {script} }})(); }}"
        "catch (error) { complaints.push(String(error)); }"
        f"document.getElementById('{SENTINEL}').textContent = JSON.stringify({{...result, complaints}});"
        "}, 300);</script>"
    )
    text = page.read_text()
    probe = folder / f"probe-{page.name}"
    probe.write_text(text.replace("<head>", "<head>" + listen, 1).replace("</body>", ask + "</body>", 1))
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}"]
    command = [CHROMIUM, *options, "--virtual-time-budget=3000", "--dump-dom", probe.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found = done.stdout.split(f'<pre id="{SENTINEL}">')[-1].split("</pre>")[0]
    return json.loads(unescape(found))
