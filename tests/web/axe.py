# SPDX-License-Identifier: Apache-2.0
"""axe-core in the browser: what keeps people from a page who do not see or use it as most do."""

import importlib.util
from pathlib import Path

RUN = """
const done = arguments[0];
axe.run(document, {resultTypes: ["violations"]})
  .then((found) => done(found.violations), (error) => done(String(error)));
"""


def script():
    """The text of axe.min.js. The package around it is not imported: it wants another browser."""
    found = importlib.util.find_spec("axe_playwright_python")
    assert found is not None, "expected axe-playwright-python in .venv: run scripts/setup.sh test"
    return (Path(found.origin).parent / "axe.min.js").read_text(encoding="utf-8")


def findings(browser):
    """ "<impact> <rule>: <help> at <elements>" of each finding that is serious or critical."""
    browser.execute_script(script())
    found = browser.execute_async_script(RUN)
    assert isinstance(found, list), found
    return [
        f"{each['impact']} {each['id']}: {each['help']} at "
        + ", ".join(" ".join(map(str, node["target"])) for node in each["nodes"][:5])
        for each in found
        if each["impact"] in ("serious", "critical")
    ]
