"""The status page in a real browser."""


def test_says_which_service_it_is(start, v2_folder, browser, screenshot):
    loader = start(v2_folder)
    browser.get(f"http://{loader.http}/")
    assert "svcName" in browser.page_source
    assert screenshot("status").stat().st_size > 1000
