# SPDX-License-Identifier: Apache-2.0
"""The form of the status page in a real browser: what it sends, and what it shows of the answer."""

from pathlib import Path

from status_page import console_forget
from waiting import wait_until

PICTURE = Path(__file__).resolve().parents[2] / "plugins" / "yolov5" / "test_data" / "coins.png"


def test_try_it_with_text(start, toolbox, page, screenshot):
    loader = start(toolbox)
    page.open(loader)
    page.fill("text", "Grüße <b>")
    page.fill("params", "do=echo\nname=a b")
    assert "--data-raw 'Grüße <b>'" in page.text("#curl")
    assert f"http://{loader.http}/v1/raw/svcName?key=data&p.do=echo&p.name=a+b" in page.text(
        "#curl"
    )
    page.send()
    assert page.text("#answer-body pre") == "Grüße <b>"
    assert "200" in page.text("#answer-head")
    assert "engine" in page.text("#answer-legend")
    page.run("document.querySelector('#try').scrollIntoView()")
    screenshot("try_text")
    page.fill("params", "do=raise\ntext=made to fail")
    page.send()
    page.wait_text("#answer-head", "500")
    assert "made to fail" in page.text("#answer-body")
    console_forget(page)


def test_try_it_with_json_says_what_is_no_json(start, toolbox, page):
    loader = start(toolbox)
    page.open(loader)
    page.choose("json")
    page.fill("text", '{"a": 1')
    page.find("#send").click()
    page.wait_text("#send-note", "Not JSON")
    page.fill("text", '{"a":[1,2]}')
    page.send()
    assert page.text("#answer-body pre") == '{\n  "a": [\n    1,\n    2\n  ]\n}'


def test_try_it_with_a_picture(start, toolbox, page, screenshot):
    loader = start(toolbox)
    page.open(loader)
    page.choose("file")
    page.find("#call [name=file]").send_keys(str(PICTURE))
    assert "Content-Type: image/png" in page.text("#curl")
    page.send()
    loaded = "const i = document.querySelector('#answer-body img'); return i?.naturalWidth ?? 0"
    wait_until(lambda: page.run(loaded) > 100, "the picture that came back")
    assert "image/png" in page.text("#answer-head")
    page.run("document.querySelector('#try').scrollIntoView()")
    screenshot("try_picture")


def test_try_it_shows_every_output(start, page, screenshot):
    png = PICTURE.read_bytes()
    loader = start(
        f"""
PNG = {png!r}
def wrapperInit(config): return 0
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    for key, data, kind in (("gr\u00fc\u00df", "said \u00fc".encode(), 0), ("img", PNG, 2)):
        respData.append({{"key": key, "data": data, "len": len(data), "status": 3, "type": kind}})
    return 0
"""
    )
    page.open(loader)
    page.send()
    loaded = "const i = document.querySelector('#answer-body img'); return i?.naturalWidth ?? 0"
    wait_until(lambda: page.run(loaded) > 100, "the picture that came back")
    assert page.text("#answer-body pre") == "said \u00fc"
    names = [each.text for each in page.all("#answer-body p")]
    assert [name.partition(" ")[0] for name in names] == ["gr\u00fc\u00df", "img"]
    screenshot("try_several")


# The page as it is where a loader serves a schema.
WITH_SCHEMA = """
const document_ = {paths: {"/v1/raw/svcName": {post: {parameters: [
  {name: "key", in: "query", example: "img", schema: {type: "string"}},
  {name: "p.size", in: "query", schema: {default: 640}}, {name: "p.lang", in: "query"}]}}}};
const plain = window.fetch;
window.fetch = async (url, options) => {
  if (url === "openapi.json") return new Response(JSON.stringify(document_));
  const answer = await plain(url, options);
  if (!url.startsWith("/status.json")) return answer;
  return new Response(JSON.stringify({...await answer.json(), openapi: true}));
};
"""


def test_try_it_knows_the_names_of_a_schema(start, toolbox, page):
    loader = start(toolbox)
    added = page.browser.execute_cdp_cmd(
        "Page.addScriptToEvaluateOnNewDocument", {"source": WITH_SCHEMA}
    )
    try:
        page.open(loader)
        wait_until(lambda: "key=img" in page.text("#curl"), "the key of the schema")
        assert page.find("#docs").is_displayed()
        hint = page.find("#call [name=params]").get_attribute("placeholder")
        assert hint == "size=640\nlang="
    finally:
        page.browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)
