"""What axe finds in a page, in light and in dark, and what is too small to be touched.

The script comes with axe-playwright-python. It is evaluated by the debugger, to which the policy of the page does not
apply, so pages are tested as they are served.
"""

from importlib import resources

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SCHEMES = ("light", "dark")
TOUCHED = "a[href], button, input:not([type=hidden], [type=radio]), select, textarea, label.choice"
TARGET_PX = 44

# Before a picture axe does not judge a contrast. The dots of the page are nearer to any text on them than the paper is.
AS_DOTS = "document.body.style.setProperty('background', 'var(--dots)')"
AS_IT_WAS = "document.body.style.removeProperty('background')"
RUN = """async (rules) => {
  const { violations, incomplete } = await axe.run({ runOnly: rules, resultTypes: ["violations", "incomplete"] });
  const why = ({ any, all, none }) => [...any, ...all, ...none].map((one) => one.message).join("; ");
  const each = ({ id, nodes }) => nodes.map((one) => `${id}: ${one.target}: ${why(one)}`);
  return [...violations, ...incomplete].flatMap(each);
}"""
TOO_SMALL = """([touched, least]) => [...document.querySelectorAll(touched)].filter((one) => {
  const { width, height } = one.getBoundingClientRect();
  return one.checkVisibility() && Math.min(width, height) < least;
}).map((one) => `too small to touch: ${one.outerHTML.slice(0, 120)}`)"""


def script() -> str:
    return (resources.files("axe_playwright_python") / "axe.min.js").read_text()


async def findings(page) -> list[str]:
    """All that is wrong with what `page` shows now, or that axe is not sure of. The page is dark after that."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(script())
    found = await page.evaluate(TOO_SMALL, [TOUCHED, TARGET_PX])
    await page.evaluate(AS_DOTS)
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme)
        found += [f"{scheme}: {each}" for each in await page.evaluate(RUN, RULES)]
    await page.evaluate(AS_IT_WAS)
    return found
