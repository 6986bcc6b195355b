"""Every link of the built site leads to a file of it and to an element with that id; all that is loaded is its own."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit


class _Page(HTMLParser):
    """The ids of a page, what it links to, and what a browser loads to show it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids.update(given[name] for name in ("id", "name") if name in given)
        if "href" in given and tag == "a":
            self.links.append(given["href"])
        self.loaded += [given[name] for name in ("src", "href") if name in given and tag not in ("a", "base")]


def on_post_build(config: Any) -> None:
    """Fail, with all of them, if there are broken links."""
    from mkdocs.exceptions import PluginError

    if broken := broken_links(Path(config.site_dir)):
        raise PluginError("broken links:\n" + "\n".join(broken))


def broken_links(folder: Path) -> list[str]:
    """Return page and target of each link that leads nowhere, and of what is loaded from another site.

    Links to other sites are not followed.

    Parameters
    ----------
    folder : Path
        The built site. Its 404.html stands for pages in any folder and is left out.

    Returns
    -------
    list of str
    """
    folder = folder.resolve()
    paths = [path for path in sorted(folder.rglob("*.html")) if path.name != "404.html"]
    pages = {path: _Page(path.read_text(encoding="utf-8")) for path in paths}
    broken = []
    for path, page in pages.items():
        for link in dict.fromkeys((*page.links, *page.loaded)):
            target = urlsplit(link)
            if target.scheme == "data":
                continue
            if target.scheme or target.netloc:
                leads = link not in page.loaded
            else:
                file = (path.parent / unquote(target.path)).resolve() if target.path else path
                file = file / "index.html" if file.is_dir() else file
                anchor = unquote(target.fragment) if file in pages else ""
                leads = file.is_file() and (not anchor or anchor in pages[file].ids)
            if not leads:
                broken.append(f"{path.relative_to(folder)}: {link}")
    return broken
