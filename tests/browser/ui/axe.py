"""axe: the accessibility checker, run in the page; findings as short lines."""

from pathlib import Path
from typing import Any

from playwright.async_api import Page

AXE = Path(__file__).parents[3] / "ui/node_modules/axe-core/axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = """async (tags) => {
  const report = await axe.run(document, { runOnly: { type: "tag", values: tags } });
  return report.violations.map((one) => [one.id, one.help, one.nodes.map((node) => node.html)]);
}"""


async def findings(page: Page) -> list[Any]:
    """List what axe has against the page as it is now."""
    await page.evaluate(AXE.read_text())
    found: list[Any] = await page.evaluate(RUN, TAGS)
    return found
