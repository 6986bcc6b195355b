// What scrolls takes the focus, so that a keyboard can scroll it, and the search has a name: the theme leaves both out.
"use strict";
const SCROLLING = "pre > code, .md-typeset__scrollwrap, math[display=block], .md-typeset p:has(> img)";
function mark() {
  for (const element of document.querySelectorAll(SCROLLING)) {
    if (element.scrollWidth > element.clientWidth) element.setAttribute("tabindex", "0");
    else element.removeAttribute("tabindex");
  }
}
document.querySelector(".md-search")?.setAttribute("aria-label", "Search");
addEventListener("load", mark);
addEventListener("resize", mark);
