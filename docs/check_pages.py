"""Check built pages: every link within them leads somewhere, and nothing is fetched from elsewhere.

``python docs/check_pages.py docs/_build/html`` ends with 1 where something is wrong.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlparse

FETCHED = {"script": "src", "img": "src", "iframe": "src", "link": "href"}  # by a browser, without a click


class Page(HTMLParser):
    """What a page links to, fetches, and names.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path):
        super().__init__()
        self.links, self.fetched, self.names = set(), set(), set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.names |= {values[key] for key in ("id", "name") if values.get(key)}
        if tag == "a" and values.get("href"):
            self.links.add(values["href"])
        if values.get(FETCHED.get(tag)):
            self.fetched.add(values[FETCHED[tag]])


def broken(root):
    """One line for each link of the pages in a folder that leads nowhere, and each thing that comes from elsewhere."""
    pages = {path: Page(path) for path in sorted(root.rglob("*.html")) if "_static" not in path.parts}
    for path, page in pages.items():
        where = path.relative_to(root)
        yield from (f"{where}: {target} comes from elsewhere" for target in page.fetched if urlparse(target).netloc)
        for target in page.links | page.fetched:
            parts = urlparse(target)
            if parts.scheme or parts.netloc:
                continue
            linked = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not linked.exists():
                yield f"{where}: no {target}"
            elif parts.fragment and linked in pages and unquote(parts.fragment) not in pages[linked].names:
                yield f"{where}: no place {target}"


if __name__ == "__main__":
    found = list(broken(Path(sys.argv[1]).resolve()))
    print("\n".join(found) or "every link leads somewhere")
    sys.exit(1 if found else 0)
