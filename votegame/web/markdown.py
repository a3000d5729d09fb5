"""From Markdown to HTML, for the pages under `/docs`: headings have the anchors that they have on GitHub.

Only files of our own are rendered, so HTML in them, such as the comments that name examples, is taken as it is.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.anchors import anchors_plugin
from msgspec import Struct

_DEEPEST_HEADING: Final = 6


class Rendered(Struct, frozen=True):
    """A page.

    Attributes:
        title: The text of its first heading.
        html: Its content.
    """

    title: str
    html: str


def rendered(text: str, target: Callable[[str], str]) -> Rendered:
    """The page that `text` makes.

    Args:
        text: In Markdown, beginning with a heading.
        target: Where a link leads that is written as this.
    """
    parser = MarkdownIt("commonmark").enable("table").use(anchors_plugin, max_level=_DEEPEST_HEADING, permalink=True)
    tokens = parser.parse(text)
    title = next(token.content for token in tokens if token.type == "inline")
    for link in _links(tokens):
        link.attrSet("href", target(str(link.attrGet("href"))))
    return Rendered(title=title, html=parser.renderer.render(tokens, parser.options, {}))


def _links(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        for child in token.children or ():
            if child.type == "link_open":
                yield child
