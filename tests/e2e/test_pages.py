"""People at their browsers: register, approve, connect a site, make a job, approve the pair, upload, start, download."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from tests.demo.story import BINARY, CENTRAL_CSV, CONTINUOUS, HEART, Federation, wait_for

pytestmark = pytest.mark.e2e
CHROMIUM = Path("/usr/bin/chromium")
# Chromium refuses to run as root with its own sandbox; the other switches keep it from calling home.
SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PASSWORD = "a password of several words"
PAIRS = Path(__file__).parents[1] / "pairs" / "good"
ONE_TARGET = {
    "imputations": 2,
    "seed": 5,
    "targets": [{"column": "chol", "type": "continuous"}],
    "columns": {
        **dict.fromkeys(("patient", "cp", "restecg", "fbs", "trestbps", "thalach", "oldpeak", "exang"), "ignored"),
        **dict.fromkeys(("age", "sex", "disease"), "predictor"),
    },
}
IGNORED = ("patient", "cp", "restecg", "fbs")
PAGE_MILLISECONDS = 120_000
# A machine that does other things starts workers and draws pages slowly: nothing takes so long but what never comes.
expect.set_options(timeout=PAGE_MILLISECONDS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        if os.environ.get("TIDEGATE_NO_SKIP"):
            pytest.fail("chromium is missing: apt-get install chromium")
        pytest.skip("apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[[str, int], Page]]:
    """A page of a fresh browser profile that fails the test on any script error or blocked resource."""
    contexts = []
    problems: list[str] = []

    def open_(url: str, width: int = 1280) -> Page:
        context = browser.new_context(ignore_https_errors=True, viewport={"width": width, "height": 900}, accept_downloads=True)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PAGE_MILLISECONDS)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda line: problems.append(line.text) if "Content Security Policy" in line.text else None)
        page.on("dialog", lambda dialog: dialog.accept())
        page.goto(url)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert problems == []


def sign_in(page: Page, username: str, password: str) -> None:
    if username:
        page.get_by_label("User name").fill(username)
    page.get_by_label("Password").fill(password)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def test_a_person_registers_and_an_administrator_approves(federation: Federation, open_page: Callable[..., Page]) -> None:
    central = federation.central
    page = open_page(f"{central.url}/register")
    page.get_by_label("User name").fill("zurich")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("E-mail").fill("zurich@example.org")
    page.get_by_label("Institution").fill("University Hospital, Zurich")
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_text("approve", exact=False).first).to_be_visible()
    admin = open_page(central.url)
    sign_in(admin, "admin", central.admin_password)
    admin.goto(f"{central.url}/accounts")
    row = admin.get_by_role("row").filter(has_text="zurich@example.org")
    row.get_by_label("site", exact=True).check()
    row.get_by_role("button", name="Approve").click()
    approved = admin.get_by_role("row").filter(has_text="University Hospital, Zurich").filter(has_text="site")
    expect(approved.get_by_role("button", name="Revoke")).to_be_visible()
    admin.goto(f"{central.url}/mail")
    expect(admin.get_by_text("zurich@example.org")).to_be_visible()


def test_a_wrong_password_is_said_on_the_page(federation: Federation, open_page: Callable[..., Page]) -> None:
    page = open_page(federation.central.url)
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password").fill("not the password")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()


def test_the_main_job_can_be_done_with_pages_alone(federation: Federation, open_page: Callable[..., Page], tmp_path: Path) -> None:
    central = federation.central
    runner = open_page(central.url)
    sign_in(runner, "va_long_beach", federation.runner_password)
    make_job(runner, federation)
    runner.get_by_role("button", name="Open the ready room").click()
    runner.get_by_label("CSV file").set_input_files(CENTRAL_CSV)
    runner.get_by_role("button", name="Upload", exact=True).click()
    expect(runner.get_by_role("button", name="Start", exact=True)).to_be_enabled()
    job_id = runner.url.rstrip("/").rsplit("/", 1)[-1]
    for name, site in federation.sites.items():
        page = open_page(site.url)
        sign_in(page, "", site.owner_password)
        page.goto(f"{site.url}/jobs/{job_id}")
        expect(page.get_by_text("2, 4 iterations in all")).to_be_visible()
        page.get_by_role("button", name="I have read it: approve").click()
        page.get_by_label("CSV file").set_input_files(HEART / f"{name}.csv")
        page.get_by_role("button", name="Upload", exact=True).click()
        read_card(page, f"{site.url}/jobs/{job_id}")
        page.get_by_role("button", name="Start", exact=True).click()
        expect(page.get_by_role("button", name="Start", exact=True)).to_be_hidden()
    runner.get_by_role("button", name="Start", exact=True).click()
    download = runner.get_by_role("link", name="Download the zip")
    expect(download).to_be_visible(timeout=60_000)
    with runner.expect_download() as caught:
        download.click()
    archive = tmp_path / "result.zip"
    caught.value.save_as(archive)
    with zipfile.ZipFile(archive) as files:
        assert {"imputed_001.csv", "imputed_002.csv", "imputed_long.csv", "run.json"} <= set(files.namelist())
    show_what_left(runner, f"{central.url}/jobs/{job_id}", "chains 1–2: moments")
    for site in federation.sites.values():
        page = open_page(site.url)
        sign_in(page, "", site.owner_password)
        show_what_left(page, f"{site.url}/jobs/{job_id}", "The card of the file")
    runner.goto(f"{central.url}/jobs/{job_id}")
    runner.get_by_role("button", name="Close and wipe").click()
    expect(runner.get_by_text("the result was wiped")).to_be_visible()


def read_card(page: Page, job: str) -> None:
    """Before Start the page says what leaves, and shows its numbers, on a phone too."""
    expect(page.get_by_role("heading", name="What leaves this site")).to_be_visible()
    expect(page.get_by_text("Joint sums of all columns")).to_be_visible()
    page.get_by_role("link", name="Show the numbers").click()
    expect(page.get_by_role("heading", name="Own fit of", exact=False).first).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 900})
    for path in ("/card", ""):
        page.goto(f"{job}{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, page.url
    page.set_viewport_size({"width": 1280, "height": 900})


def show_what_left(page: Page, job: str, what: str) -> None:
    """Ledger and receipt say what left, at central by chain, on a phone too."""
    page.goto(f"{job}/ledger")
    expect(page.get_by_text(what).first).to_be_visible()
    page.goto(f"{job}/receipt")
    expect(page.get_by_text("2 chains side by side")).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 900})
    for path in ("", "/ledger", "/receipt"):
        page.goto(f"{job}{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, page.url
    page.set_viewport_size({"width": 1280, "height": 900})


def make_job(page: Page, federation: Federation) -> None:
    """Fill the form of a new job by name and submit it."""
    page.goto(f"{federation.central.url}/jobs/new")
    page.get_by_label("Name").fill("Heart data, by hand")
    option = page.locator("select#pair option").filter(has_text="SIMICE 1.").first.get_attribute("value")
    page.get_by_label("Pair", exact=True).select_option(option)
    for site in federation.sites.values():
        page.locator(f"input[value='{site.site_id}']").check()
    page.get_by_label("Your CSV file").set_input_files(CENTRAL_CSV)
    for name in IGNORED:
        page.get_by_label(f"Role of {name}", exact=True).select_option("ignored")
    for names, role in ((CONTINUOUS, "continuous"), (BINARY, "binary")):
        for name in names:
            page.get_by_label(f"Role of {name}", exact=True).select_option(role)
    page.get_by_label("Imputations").fill("2")
    page.get_by_label("Iterations before the first").fill("2")
    page.get_by_label("Iterations between two").fill("1")
    page.get_by_label("Separate intercept for central").check()
    page.get_by_label("Chains").fill("2")
    page.get_by_role("button", name="Make the job").click()
    expect(page.get_by_role("button", name="Open the ready room")).to_be_visible()


def test_the_form_of_a_new_job_lists_the_columns_of_a_file_in_any_form(federation: Federation, open_page: Callable[..., Page]) -> None:
    page = open_page(federation.central.url)
    sign_in(page, "va_long_beach", federation.runner_password)
    files = {
        "excel.csv": "sep=;\r\n;;;\r\n;Größe;BMI, kg/m²; sbp ;\r\n1;1,8;23,0;110;\r\n".encode("cp1252"),
        "unicode.txt": '\ufeff""\tGröße\t"BMI, kg/m²"\tsbp\r\n1\t1,8\t23,0\t110\r\n'.encode("utf-16-le"),
        "mac.csv": '"Größe","BMI, kg/m²",sbp\r1.8,23.0,110\r'.encode(),
        "plain.csv": "Größe;BMI, kg/m²;sbp\n1.8;23.0;110\n2;21,5;1,5\n".encode(),
    }
    for name, content in files.items():
        page.goto(f"{federation.central.url}/jobs/new")
        page.get_by_label("Your CSV file").set_input_files({"name": name, "mimeType": "text/csv", "buffer": content})
        expect(page.locator("#columns tbody th")).to_have_text(["1. Größe", "2. BMI, kg/m²", "3. sbp"])


def test_a_file_chosen_before_the_form_of_a_new_job_is_ready_is_read(federation: Federation, open_page: Callable[..., Page]) -> None:
    page = open_page(federation.central.url)
    sign_in(page, "va_long_beach", federation.runner_password)
    held: list[Route] = []
    page.route("**/api/pairs", lambda route: held.append(route))
    page.goto(f"{federation.central.url}/jobs/new")
    expect(page.get_by_role("button", name="Make the job")).to_be_disabled()
    page.get_by_label("Your CSV file").set_input_files({"name": "a.csv", "mimeType": "text/csv", "buffer": b"age,sbp\n1,2\n"})
    while not held:
        page.wait_for_timeout(50)
    expect(page.locator("#columns tbody th")).to_have_count(0)
    held[0].continue_()
    expect(page.locator("#columns tbody th")).to_have_text(["1. age", "2. sbp"])
    expect(page.get_by_role("button", name="Make the job")).to_be_enabled()


def test_code_that_sees_rows_runs_when_the_owners_let_it_and_the_receipt_says_so(
    federation: Federation, open_page: Callable[..., Page]
) -> None:
    digest = register_pair(federation, PAIRS / "PlainSIMI")
    participants = [site.site_id for site in federation.sites.values()]
    table = {"name": "Cholesterol, code that sees rows", "pair": digest, "participants": participants, "spec": ONE_TARGET}
    job_id = federation.runner.call("POST", "/api/jobs", json=table)["id"]
    federation.runner.call("POST", f"/api/jobs/{job_id}/open")
    federation.runner.upload(job_id, CENTRAL_CSV)
    for name, site in federation.sites.items():
        page = open_page(site.url)
        sign_in(page, "", site.owner_password)
        page.goto(f"{site.url}/jobs/{job_id}")
        expect(page.get_by_text("This code asks to see rows.")).to_be_visible()
        expect(page.get_by_role("button", name="Approve it unread")).to_be_hidden()
        page.get_by_role("button", name="approve, and let it see rows").click()
        page.get_by_label("CSV file").set_input_files(HEART / f"{name}.csv")
        page.get_by_role("button", name="Upload", exact=True).click()
        expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()
        page.get_by_label("CSV file").set_input_files(HEART / f"{name}.csv")
        site.api.call("POST", f"/api/jobs/{job_id}/start")
        expect(page.get_by_role("button", name="Start", exact=True)).to_be_hidden()
        # The page was drawn anew because somebody else pressed Start: what its reader had chosen is still chosen.
        assert page.get_by_label("CSV file").evaluate("input => input.files.length") == 1
        page.close()
    federation.runner.call("POST", f"/api/jobs/{job_id}/start")
    assert wait_for(federation, job_id, ("FINISHED", "FAILED"))["state"] == "FINISHED"
    for site in federation.sites.values():
        lines = site.ledger_until(job_id, "wipe")
        assert next(line for line in lines if line["kind"] == "start")["sees_rows"] == "reviewed"
        receipt = site.api.call("GET", f"/api/jobs/{job_id}/receipt")
        assert receipt["access"].startswith("the code saw rows, as this site's owner let")


def register_pair(federation: Federation, folder: Path) -> str:
    """Register the pair in `folder` as an author; its digest."""
    password, _ = federation.central.register("ada", "Institute of Statistics", ["author"])
    author = federation.central.api()
    author.sign_in(username="ada", password=password)
    name = folder.name
    roles = {"manifest": "manifest.toml", "central": f"{name}Central.py", "remote": f"{name}Remote.py"}
    files = {role: (folder / file).read_bytes() for role, file in roles.items()}
    return str(author.call("POST", "/api/pairs", files=files)["digest"])


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_is_wider_than_its_window_and_every_control_has_a_name(
    federation: Federation, open_page: Callable[..., Page], width: int
) -> None:
    central, site = federation.central, federation.sites["cleveland"]
    page = open_page(central.url, width)
    sign_in(page, "admin", central.admin_password)
    for path in ("/jobs", "/jobs/new", "/pairs", "/sites", "/accounts", "/mail"):
        page.goto(central.url + path)
        check_page(page, width)
    page = open_page(site.url, width)
    sign_in(page, "", site.owner_password)
    for path in ("/jobs", "/config", "/status"):
        page.goto(site.url + path)
        check_page(page, width)


def check_page(page: Page, width: int) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= width, page.url
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('input:not([type=hidden]), select, textarea, button')]
        .filter(e => !(e.labels && e.labels.length) && !e.getAttribute('aria-label') && !e.textContent.trim()).map(e => e.outerHTML)"""
    )
    assert nameless == [], page.url
    assert page.title(), page.url
    assert page.locator("h1").count() == 1, page.url
