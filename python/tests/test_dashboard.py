"""The desk's dashboard in a browser: by keyboard, on a phone, light and dark, without scripts."""

import itertools
import re
import shutil

import pytest
from desks import Desk

pytest.importorskip("selenium")

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

PROGRAMS = [shutil.which("chromium"), shutil.which("chromedriver")]
pytestmark = pytest.mark.skipif(
    None in PROGRAMS, reason="there is no Chromium: install chromium and chromium-driver"
)


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """The demo, with a request that is done, one that is held and one that waits."""
    patch = pytest.MonkeyPatch()
    patch.chdir(tmp_path_factory.mktemp("desk"))
    made = Desk("desk", "--demo")
    made.done = made.ask("person-1")
    made.until(made.done, lambda _, parts: parts["digits"]["state"] == "done")
    body = {"records": [{"model": "digits", "records": "999999"}]}
    made.held = made.call("/v1/requests", body)["request_id"]
    made.until(made.held, lambda _, parts: parts["digits"]["state"] == "held")
    waits = {"batch": {"at_least": 100, "wait_seconds": 86400}}
    made.call("/v1/models/digits/policy", waits, "PUT")
    made.waits = made.ask("person-2")
    yield made
    made.end()
    patch.undo()


@pytest.fixture(scope="module")
def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = PROGRAMS[0]
    for word in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage"):
        options.add_argument(f"--{word}")
    # No script of a page runs.
    javascript = {"profile.managed_default_content_settings.javascript": 2}
    options.add_experimental_option("prefs", javascript)
    made = webdriver.Chrome(options, webdriver.ChromeService(PROGRAMS[1]))
    yield made
    made.quit()


def pages(desk):
    return [
        "/desk",
        "/desk?needs_operator=true",
        f"/desk/requests/{desk.done}",
        f"/desk/requests/{desk.held}",
        f"/desk/requests/{desk.waits}",
        "/desk/models/digits",
        "/desk/health",
    ]


def press(browser, key):
    browser.switch_to.active_element.send_keys(key)
    return browser.switch_to.active_element


def tab_to(browser, text):
    """Goes on by the keyboard until it is there; what has the focus can be seen to have it."""
    for _ in range(60):
        focused = press(browser, Keys.TAB)
        if focused.tag_name != "body":
            assert focused.value_of_css_property("outline-style") != "none", focused.text
        if text in (focused.text, focused.accessible_name):
            return focused
    raise AssertionError(f"{text} was not reached")


@pytest.fixture
def signed_in(browser, desk):
    browser.delete_all_cookies() if browser.current_url.startswith("http") else None
    browser.get(f"{desk.at}/desk")
    assert browser.title.startswith("Sign in")
    field = browser.find_element(By.NAME, "token")
    field.send_keys(desk.token)
    press(browser, Keys.ENTER)
    assert browser.title.startswith("Requests")
    return browser


def test_everything_is_reached_by_keyboard(signed_in, desk):
    browser = signed_in
    # The first stop leads past the navigation.
    skip = press(browser, Keys.TAB)
    press(browser, Keys.ENTER)
    assert skip.get_attribute("href").endswith("#content")
    assert browser.current_url.endswith("#content")
    tab_to(browser, desk.waits[:8])
    press(browser, Keys.ENTER)
    assert browser.current_url.endswith(f"/desk/requests/{desk.waits}")
    button = tab_to(browser, "Cancel it")
    assert button.tag_name == "button"
    press(browser, Keys.ENTER)
    status, _ = desk.story(desk.waits)
    assert status == "cancelled"
    assert "cancelled" in browser.find_element(By.TAG_NAME, "main").text
    tab_to(browser, "Health")
    press(browser, Keys.ENTER)
    assert browser.title.startswith("Health")


def test_what_is_held_is_found_and_nobody_is_named(signed_in, desk):
    browser = signed_in
    browser.find_element(By.LINK_TEXT, "to see to").click()
    main = browser.find_element(By.TAG_NAME, "main").text
    assert desk.held[:8] in main and desk.done[:8] not in main
    browser.find_element(By.LINK_TEXT, desk.held[:8]).click()
    assert "request_out_of_range" in browser.find_element(By.TAG_NAME, "main").text
    for path in pages(desk):
        browser.get(desk.at + path)
        assert "person-" not in browser.page_source


def test_pages_fit_a_phone(signed_in, desk):
    browser = signed_in
    metrics = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    for path in pages(desk):
        browser.get(desk.at + path)
        size = browser.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
        assert size["width"] <= 360, path
        for link in browser.find_elements(By.CSS_SELECTOR, "nav a, nav button"):
            assert link.size["height"] >= 24, link.text
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def light(colour):
    """Relative luminance (WCAG 2) of a computed colour."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_dark(signed_in, desk, scheme):
    browser = signed_in
    features = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", features)
    for path in pages(desk):
        browser.get(desk.at + path)
        body = browser.find_element(By.TAG_NAME, "body")
        behind = light(body.value_of_css_property("background-color"))
        assert (behind > 0.5) == (scheme == "light"), path
        kinds = ("h1", "h2", "p", "a", "th", "td", "dt", "dd", "button", "main span")
        found = [browser.find_elements(By.CSS_SELECTOR, kind)[:2] for kind in kinds]
        for shown in itertools.chain.from_iterable(found):
            own = shown.value_of_css_property("background-color")
            below = behind if own.endswith(", 0)") else light(own)
            text = light(shown.value_of_css_property("color"))
            ratio = (max(text, below) + 0.05) / (min(text, below) + 0.05)
            assert ratio >= 4.5, (path, shown.text, ratio)


def test_a_screen_reader_is_told_what_everything_is(signed_in, desk):
    browser = signed_in
    for path in ["/desk/login", *pages(desk)]:
        browser.get(desk.at + path)
        assert len(browser.find_elements(By.TAG_NAME, "h1")) == 1
        assert browser.find_element(By.TAG_NAME, "html").get_attribute("lang") == "en"
        tree = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        roles = {"button", "link", "textbox", "table", "main"}
        found = [node for node in tree if node.get("role", {}).get("value") in roles]
        assert any(node["role"]["value"] == "main" for node in found)
        for node in found:
            if node["role"]["value"] != "main":
                assert node.get("name", {}).get("value"), (path, node["role"])


def test_no_page_runs_a_script(signed_in, desk):
    for path in pages(desk):
        signed_in.get(desk.at + path)
        assert not signed_in.find_elements(By.TAG_NAME, "script")
