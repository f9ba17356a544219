"""The status page in Chromium: whole without a script, live with one, and deaf to whoever is not its operator."""

import os
import pathlib
import re
import sys
import unittest

from playwright.sync_api import expect, sync_playwright

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from gateway import TOKEN, Gateway  # noqa: E402

PATIENCE_MS = 15_000
EVIL = "evil.example"
PAYLOAD = "<img src=x onerror=window.hacked=1>"
SCREENSHOTS = pathlib.Path(os.environ["HOOKWARD_SCREENSHOTS"])
WATCH = """
window.violations = [];
document.addEventListener('securitypolicyviolation', (event) => window.violations.push(event.violatedDirective + ' ' + event.blockedURI));
"""


class StatusPage(unittest.TestCase):
    """One gateway and one browser for all; each test has a page of its own."""

    @classmethod
    def setUpClass(cls):
        cls.gateway = Gateway()
        cls.addClassCleanup(cls.gateway.stop)
        cls.driver = sync_playwright().start()
        cls.addClassCleanup(cls.driver.stop)
        arguments = ["--no-sandbox", f"--host-resolver-rules=MAP {EVIL} 127.0.0.1"]
        cls.browser = cls.driver.chromium.launch(executable_path=os.environ["HOOKWARD_CHROMIUM"], args=arguments)
        cls.addClassCleanup(cls.browser.close)
        expect.set_options(timeout=PATIENCE_MS)
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)

    def open(self, **options):
        """A page that is watched: what it asks for, what it complains about."""
        context = self.browser.new_context(locale="en-GB", **options)
        self.addCleanup(context.close)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.add_init_script(WATCH)
        self.asked, self.said = [], []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("console", lambda message: self.said.append(message.text) if message.type in ("error", "warning") else None)
        page.goto(self.gateway.url)
        return page

    def live(self, **options):
        page = self.open(**options)
        expect(page.locator("#live")).to_have_text("live")
        expect(page.locator("#integrations tbody tr")).to_have_count(3)
        return page

    def row(self, page, name):
        return page.locator("#integrations tbody tr", has=page.locator("b", has_text=name))

    def is_clean(self, page, but=()):
        """Nothing was refused by the policy, nothing broke, and nobody else was asked."""
        self.assertEqual(page.evaluate("window.violations"), [])
        self.assertEqual([text for text in self.said if not any(word in text for word in but)], [])
        self.assertEqual([url for url in self.asked if not url.startswith(self.gateway.url + "/")], [])

    def test_tables_stand_without_a_script(self):
        self.assertEqual(self.gateway.github(), 200)
        page = self.open(java_script_enabled=False)
        expect(page.locator("#integrations tbody tr")).to_have_count(3)
        expect(page.locator("#integrations")).to_contain_text("code-team@example.com")
        expect(page.locator("#integrations")).to_contain_text("2026-q3 · valid")
        expect(page.locator("#integrations svg.spark")).to_have_count(3)
        expect(page.locator("#decisions tbody tr").first).to_contain_text("delivered")
        expect(page.locator("#findings li", has_text="2025-q1")).to_contain_text("orders")
        for absent in ["#filters", "#live", "#switch", "#replicas-section"]:
            expect(page.locator(absent)).to_be_hidden()
        expect(page.locator("button:visible")).to_have_count(0)

    def test_a_delivery_is_seen_without_reloading(self):
        page = self.live()
        page.evaluate("window.here = 1")
        expect(page.locator("#findings li", has_text="2025-q1")).to_contain_text("orders")
        delivery = "seen-" + os.urandom(6).hex()
        self.assertEqual(self.gateway.github(event="deployment", delivery=delivery), 200)
        seen = page.locator("#decisions tbody tr", has_text=delivery)
        expect(seen).to_contain_text("deployment")
        expect(seen).to_contain_text("delivered 200")
        expect(self.row(page, "code").locator("svg")).to_have_attribute("aria-label", re.compile("[1-9][0-9]* accepted"))
        refused = self.row(page, "code").locator("td").nth(3)
        before = int(refused.inner_text())
        self.assertEqual(self.gateway.github(secret="wrong"), 401)
        expect(refused).to_have_text(str(before + 1))
        expect(page.locator("#refusals")).to_contain_text("signature_mismatch")
        self.assertEqual(page.evaluate("window.here"), 1)
        self.is_clean(page)

    def test_filters_narrow_the_decisions(self):
        one, other = "one-" + os.urandom(6).hex(), "other-" + os.urandom(6).hex()
        self.gateway.github(event="ping", delivery=one)
        self.gateway.github(event="issues", delivery=other)
        self.gateway.github(secret="wrong")
        self.gateway.stripe()
        page = self.live()
        rows = page.locator("#decisions tbody tr")
        expect(rows.filter(has_text="payments")).not_to_have_count(0)
        page.select_option("#filter-integration", "code")
        expect(rows.filter(has_text="payments")).to_have_count(0)
        page.select_option("#filter-decision", "accepted")
        expect(rows.filter(has_text="signature_mismatch")).to_have_count(0)
        page.fill("#filter-text", one)
        expect(rows).to_have_count(1)
        expect(rows).to_contain_text("ping")
        page.fill("#filter-text", "")
        page.select_option("#filter-decision", "refused")
        page.select_option("#filter-reason", "signature_mismatch")
        expect(rows.filter(has_text="delivered")).to_have_count(0)
        expect(page.locator("#filter-count")).to_contain_text(" of ")
        # What comes later is filtered, too.
        self.gateway.github(event="later")
        self.gateway.github(secret="wrong again")
        expect(rows.filter(has_text="later")).to_have_count(0)
        self.is_clean(page)

    def test_a_switch_is_thrown_and_thrown_back_with_the_keyboard(self):
        page = self.live()
        self.row(page, "orders").get_by_role("button", name="Disable").focus()
        page.keyboard.press("Enter")
        expect(page.locator("#switch-reason")).to_be_focused()
        page.keyboard.type("leaked " + PAYLOAD)
        page.fill("#switch-for", "2h")
        page.fill("#switch-token", TOKEN)
        page.keyboard.press("Enter")
        expect(page.locator("#switch")).to_be_hidden()
        self.assertEqual(self.gateway.shopify(), 503)
        expect(self.row(page, "orders")).to_contain_text("leaked " + PAYLOAD)
        expect(self.row(page, "orders").locator(".pill")).to_have_text("disabled")
        expect(page.locator("#total-disabled-count")).to_have_text("1")
        # The token is remembered by the page, and by nothing else.
        self.row(page, "orders").get_by_role("button", name="Enable").click()
        page.fill("#switch-reason", "rotated")
        page.locator("#switch-go").click()
        expect(page.locator("#switch")).to_be_hidden()
        self.assertEqual(self.gateway.shopify(), 200)
        expect(self.row(page, "orders").locator(".pill")).to_have_text("enabled")
        kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, document.body.outerHTML])")
        self.assertNotIn(TOKEN, kept)
        self.is_clean(page)

    def test_all_are_disabled_for_good(self):
        page = self.live()
        page.get_by_role("button", name="Disable all").click()
        page.fill("#switch-reason", "incident")
        page.fill("#switch-token", TOKEN)
        page.locator("#switch-go").click()
        expect(page.locator("#notices")).to_contain_text("all integrations are disabled")
        self.assertEqual((self.gateway.shopify(), self.gateway.stripe()), (403, 403))
        page.get_by_role("button", name="Enable all").click()
        page.fill("#switch-reason", "over")
        page.locator("#switch-go").click()
        expect(page.locator("#notices")).not_to_contain_text("all integrations are disabled")
        self.assertEqual(self.gateway.shopify(), 200)
        self.is_clean(page)

    def test_a_wrong_token_changes_nothing_and_says_so(self):
        page = self.live()
        self.row(page, "orders").get_by_role("button", name="Disable").click()
        page.fill("#switch-reason", "trying")
        page.fill("#switch-token", "wrong")
        page.locator("#switch-go").click()
        expect(page.locator("#switch-error")).to_contain_text("does not take this token")
        expect(page.locator("#switch")).to_be_visible()
        expect(page.locator("#switch-token")).to_have_value("")
        self.assertEqual(self.gateway.shopify(), 200)
        page.keyboard.press("Escape")
        expect(page.locator("#switch")).to_be_hidden()
        self.is_clean(page, but=["401"])

    def test_what_others_wrote_stays_text(self):
        delivery = "d-" + os.urandom(4).hex() + PAYLOAD
        self.assertEqual(self.gateway.github(event=PAYLOAD, delivery=delivery), 200)
        self.gateway.post("/hooks/<script>window.hacked=1</script>", {}, b"{}")
        page = self.live()
        expect(page.locator("#decisions tbody tr", has_text=delivery)).to_contain_text(PAYLOAD)
        self.gateway.github(event=PAYLOAD, delivery="again-" + delivery)
        expect(page.locator("#decisions tbody tr", has_text="again-" + delivery)).to_have_count(1)
        expect(page.locator("#decisions")).to_contain_text("hacked=1")
        self.assertEqual(page.locator("main img, main script").count(), 0)
        self.assertIsNone(page.evaluate("window.hacked ?? null"))
        self.is_clean(page)
        page = self.open(java_script_enabled=False)
        expect(page.locator("#decisions")).to_contain_text(PAYLOAD)
        self.assertEqual(page.locator("main img, main script").count(), 0)

    def test_the_policy_holds_even_against_the_page_itself(self):
        page = self.live()
        page.evaluate("""() => {
            try { document.body.insertAdjacentHTML('beforeend', '<img src=x onerror="window.hacked=1">'); } catch { window.refused = 1; }
            const script = document.createElement('script');
            script.append('window.hacked = 1');
            document.body.append(script);
        }""")
        page.wait_for_function("window.violations.length >= 2")
        self.assertEqual(page.evaluate("[window.refused, window.hacked ?? null]"), [1, None])

    def test_adm_02_other_names_and_other_sites_get_nothing(self):
        page = self.browser.new_context().new_page()
        self.addCleanup(page.context.close)
        for path in ["/", "/status.js", "/api/v1/events", "/api/v1/integrations", "/metrics"]:
            self.assertEqual(page.goto(f"http://{EVIL}:{self.gateway.admin}{path}").status, 403, path)
        before = self.gateway.ask("/metrics")[1]
        page.goto(f"http://{EVIL}:{self.gateway.upstream.server_port}/")
        tried = page.evaluate("""async (url) => {
            const tell = (path, options) => fetch(url + path, { mode: 'no-cors', method: 'POST', ...options }).then(() => 'sent', () => 'failed');
            const order = JSON.stringify({ reason: 'forged' });
            await tell('/api/v1/integrations/orders/disable', { body: order, headers: { 'Content-Type': 'text/plain' } });
            await tell('/api/v1/integrations/-/disable', { body: new URLSearchParams({ reason: 'forged' }) });
            const read = await fetch(url + '/api/v1/integrations').then(() => 'read', () => 'kept');
            const heard = await new Promise((done) => {
                const events = new EventSource(url + '/api/v1/events');
                events.onopen = () => done('heard');
                events.onerror = () => { events.close(); done('deaf'); };
            });
            const framed = await new Promise((done) => {
                const frame = document.createElement('iframe');
                frame.src = url + '/';
                frame.onload = () => { try { done(frame.contentDocument ? 'empty' : 'shut'); } catch { done('shut'); } };
                document.body.append(frame);
            });
            return { read, heard, framed };
        }""", self.gateway.url)
        self.assertEqual((tried["read"], tried["heard"]), ("kept", "deaf"))
        frames = [frame for frame in page.frames if frame != page.main_frame]
        self.assertFalse(any(frame.url.startswith(self.gateway.url) and frame.locator("#integrations").count() for frame in frames))
        self.assertEqual(self.gateway.shopify(), 200)
        streams = [line for line in before.splitlines() if line.startswith("hookward_event_streams ")]
        self.assertTrue(streams, before)

    def test_it_reads_well_wide_and_narrow_light_and_dark(self):
        for _ in range(25):
            self.gateway.github()
            self.gateway.stripe()
            self.gateway.shopify()
        for _ in range(4):
            self.gateway.github(secret="wrong")
            self.gateway.stripe(signed_at=1)
        self.assertEqual(self.gateway.order("disable", "orders", {"reason": "rotating the secret", "for": "2h"}), 200)
        self.addCleanup(self.gateway.order, "enable", "orders", {"reason": "done"})
        for width, height in [(1280, 960), (390, 844)]:
            for scheme in ["light", "dark"]:
                page = self.live(viewport={"width": width, "height": height}, color_scheme=scheme)
                expect(self.row(page, "orders").locator(".pill")).to_have_text("disabled")
                overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
                self.assertEqual(overflow, 0, f"{width} {scheme}: it scrolls sideways")
                self.assertEqual(page.evaluate(CONTRASTS), [], f"{width} {scheme}: too faint to read")
                page.screenshot(path=SCREENSHOTS / f"status-{width}-{scheme}.png")
                page.screenshot(path=SCREENSHOTS / f"status-{width}-{scheme}-whole.png", full_page=True)
                self.row(page, "code").get_by_role("button", name="Disable").click()
                page.screenshot(path=SCREENSHOTS / f"switch-{width}-{scheme}.png")
                self.is_clean(page)
                page.context.close()


# Texts whose contrast with the ground behind them is below 4.5 to 1 (WCAG 2, AA).
CONTRASTS = """() => {
    const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
    const linear = (part) => (part / 255 <= 0.03928 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4);
    const light = ([red, green, blue]) => 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
    const ground = (element) => {
        for (let one = element; one; one = one.parentElement) {
            const colour = parse(getComputedStyle(one).backgroundColor);
            if (colour.length === 3 || colour[3] === 1) return colour;
        }
        return [255, 255, 255];
    };
    const faint = [];
    for (const element of document.querySelectorAll('header *, main *')) {
        const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
        if (!own || !element.checkVisibility() || element.classList.contains('unseen') || element.tagName === 'OPTION') continue;
        const [one, other] = [light(parse(getComputedStyle(element).color)), light(ground(element))];
        const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
        if (ratio < 4.5) faint.push(`${element.tagName} ${element.textContent.slice(0, 30)} ${ratio.toFixed(2)}`);
    }
    return faint;
}"""

if __name__ == "__main__":
    unittest.main()
