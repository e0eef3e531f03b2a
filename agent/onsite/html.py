"""HTML without a template engine: text is escaped unless it is `Markup`."""

from collections.abc import Iterable
from html import escape
from typing import Final

STYLE: Final = """
:root{color-scheme:light dark;--ink:#1b2330;--soft:#5d6878;--line:#e1e5ea;--ground:#f4f5f7;--card:#fff;--link:#1d5bb8;
--bad:#b3261e;--bad-back:#fbe6e4;--open:#8a5600;--open-back:#fcefd5;--good:#1f8a4c;--good-back:#e2f3e8;--ember:#c2540a;
--solar:#c98000;--house:#2b6fc9;--battery:#1f9254;--grid:#7554c0}
@media(prefers-color-scheme:dark){:root{--ink:#e3e8ef;--soft:#9aa5b4;--line:#2a323d;--ground:#11151a;--card:#181e26;
--link:#85b4ff;--bad:#ff938a;--bad-back:#47201d;--open:#f2bf66;--open-back:#40300f;--good:#4cc681;--good-back:#16351f;
--ember:#c2540a;--solar:#f0b13c;--house:#6aa7f5;--battery:#4cc681;--grid:#a98bf0}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);
font:16px/1.45 system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;
font-variant-numeric:tabular-nums}
a{color:var(--link)}
:focus-visible{outline:2px solid var(--link);outline-offset:2px}
header{background:var(--card);border-bottom:1px solid var(--line);padding:.8rem 1rem 0}
header b{font-size:18px}
header small{color:var(--soft);margin-left:.4em}
nav{display:flex;margin-top:.6rem}
nav a{flex:1;text-align:center;padding:.55rem 0;color:var(--soft);text-decoration:none;
border-bottom:3px solid transparent}
nav a[aria-current]{color:var(--ink);font-weight:600;border-color:var(--ember)}
main{max-width:40rem;margin:0 auto;padding:1rem}
.card{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:1rem;margin:0 0 1rem}
h1{font-size:20px;margin:0 0 .6rem}
h2{font-size:16px;margin:0 0 .4rem;overflow-wrap:anywhere}
p{margin:0 0 .7rem;overflow-wrap:anywhere}
.card>:last-child{margin-bottom:0}
small,.soft{color:var(--soft)}
label{display:block;margin:0 0 .8rem}
label>span{display:block;margin-bottom:.25rem;color:var(--soft);font-size:14px}
label.tick{display:flex;gap:.6rem;align-items:flex-start}
label.tick input{width:1.3rem;height:1.3rem;margin:.1rem 0 0;flex:none;accent-color:var(--ember)}
input[type=text],input[type=password],input[type=number],select{width:100%;font:inherit;color:inherit;
background:var(--ground);border:1px solid var(--line);border-radius:8px;padding:.65rem .7rem;min-height:44px}
button,.button{display:inline-block;font:inherit;font-weight:600;border-radius:10px;border:1px solid var(--line);
background:var(--card);color:var(--ink);padding:.6rem 1rem;min-height:44px;text-decoration:none;cursor:pointer}
button.main,.button.main{display:block;width:100%;text-align:center;background:var(--ember);border-color:var(--ember);color:#fff}
button.big{padding:1.1rem;font-size:20px}
.row{display:flex;gap:.6rem;align-items:center;justify-content:space-between}
.note{border-radius:10px;padding:.7rem .9rem;margin:0 0 1rem}
.note.bad{background:var(--bad-back);color:var(--bad)}
.note.open{background:var(--open-back);color:var(--open)}
.note.good{background:var(--good-back);color:var(--good)}
.value{padding:.5rem 0;border-top:1px solid var(--line)}
.value .row{align-items:baseline}
.value b{white-space:nowrap}
.value small{display:block;overflow-wrap:anywhere;font-family:ui-monospace,"DejaVu Sans Mono",monospace;font-size:12px}
.value .bad{color:var(--bad)}
.tiles{display:grid;grid-template-columns:1fr 1fr;gap:.6rem;margin:0 0 1rem}
.tile{background:var(--card);border:1px solid var(--line);border-left:4px solid var(--tone,var(--line));
border-radius:10px;padding:.55rem .7rem}
.tile b{display:block;font-size:20px}
.warm{--tone:var(--ember)}.cool{--tone:var(--house)}
.solar{--tone:var(--solar)}.house{--tone:var(--house)}.battery{--tone:var(--battery)}.grid{--tone:var(--grid)}
.ask{font-size:21px;font-weight:600;margin:.2rem 0 1rem}
progress{width:100%;accent-color:var(--ember)}
ul.plain{list-style:none;margin:0;padding:0}
ul.plain li{padding:.3rem 0}
.good-text{color:var(--good)}.open-text{color:var(--open)}.bad-text{color:var(--bad)}
pre{overflow-x:auto;background:var(--ground);border-radius:8px;padding:.7rem;font-size:13px;line-height:1.4}
""".strip()


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def text(value: str) -> Markup:
    """Escaped, unless it is HTML already."""
    return value if isinstance(value, Markup) else Markup(escape(value))


def join(parts: Iterable[str]) -> Markup:
    return Markup("".join(text(part) for part in parts))


def tag(element: str, /, *inside: str, **attributes: str | bool | None) -> Markup:
    """An element; an attribute that is True has no value, one that is False or None is left out.

    >>> tag("a", "1 < 2", href="/x", class_="y")
    '<a href="/x" class="y">1 &lt; 2</a>'
    """
    shown = ""
    for key, value in attributes.items():
        key = key.rstrip("_").replace("_", "-")
        if value is True:
            shown += f" {key}"
        elif isinstance(value, str):
            shown += f' {key}="{escape(value)}"'
    if element in ("input", "meta", "br"):
        return Markup(f"<{element}{shown}>")
    return Markup(f"<{element}{shown}>{join(inside)}</{element}>")


def card(*inside: str) -> Markup:
    return tag("div", *inside, class_="card")


def note(kind: str, *inside: str) -> Markup:
    """`kind`: good, open or bad."""
    return tag("p", *inside, class_=f"note {kind}", role="status")


def field(label: str, name: str, /, **attributes: str | bool | None) -> Markup:
    """A labelled input."""
    attributes.setdefault("type", "text")
    return tag("label", tag("span", label), tag("input", name=name, **attributes))


def tick(label: str, name: str, value: str = "yes") -> Markup:
    return tag("label", tag("input", type="checkbox", name=name, value=value), tag("span", label), class_="tick")


def choice(label: str, name: str, options: Iterable[tuple[str, str]], chosen: str = "") -> Markup:
    """A list to choose from: values with their words."""
    shown = [tag("option", words, value=value, selected=value == chosen) for value, words in options]
    return tag("label", tag("span", label), tag("select", *shown, name=name))
