# SPDX-License-Identifier: Apache-2.0
"""tests/check_texts.py: silent on a good tree, and names every fault of a bad one."""

import check_texts
import pytest

HEAD = "SPDX-License-Identifier: Apache-2.0\n"
GOOD = {
    "loader/api/a.h": f"// {HEAD}// As loader/api/b.h; see docs/x.md and b.h.\n",
    "loader/api/b.h": f"// {HEAD}int a;  // Of <a.h>, api/a.h and wrapper/wrapper.py.\n",
    "scripts/run.sh": f"#!/bin/sh\n# {HEAD}cp nowhere.md there.md\n",
    "docs/x.md": "Look at ../scripts/run.sh and https://somewhere/else.md, not at *.toml.\n",
}


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_a_good_tree_has_no_violation(tmp_path):
    assert check_texts.check(write(tmp_path, GOOD)) == []


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("loader/api/c.h", "int a;\n", "c.h:1: expected 'SPDX-License"),
        ("tests/a.py", "#!/bin/sh\nimport os\n# " + HEAD, "a.py:1: expected 'SPDX-License"),
        ("xtest/a.cc", f"// {HEAD}int a;  // As in b.cc.\n", "a.cc:2: names b.cc, which is not"),
        ("Makefile", f"# {HEAD}# See docs/y.md.\n", "Makefile:2: names docs/y.md, which"),
        ("docs/a.md", "See loader/api/x.md.\n", "a.md:1: names loader/api/x.md, which"),
    ],
)
def test_a_fault_is_named_with_its_place(tmp_path, name, text, expected):
    violations = check_texts.check(write(tmp_path, {**GOOD, name: text}))
    assert len(violations) == 1 and expected in violations[0]
