"""Builds the book as static HTML from src/ and from generated pages. Run by experiments/book/build."""

import html
import pathlib
import re
import shutil
import sys

import markdown

import generated

ROOT, LAB = pathlib.Path(sys.argv[1]), sys.argv[2]
SOURCE = pathlib.Path(__file__).resolve().parent / "src"
TARGET = ROOT / "target/book"

STYLE = """
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: #1c1c1c; display: grid; grid-template-columns: 17rem 1fr; }
nav { background: #f4f4f2; padding: 1rem; min-height: 100vh; font-size: .92rem; } nav ul { list-style: none; padding: 0; }
nav a { color: #222; text-decoration: none; display: block; padding: .15rem 0; } nav a.here { font-weight: 700; }
main { padding: 1rem 2.5rem 4rem; max-width: 64rem; min-width: 0; } pre { background: #f4f4f2; padding: .7rem; overflow-x: auto; }
code { font-size: .9em; } table { border-collapse: collapse; display: block; overflow-x: auto; }
td, th { border-bottom: 1px solid #ddd; padding: .25rem .7rem .25rem 0; text-align: left; vertical-align: top; }
img { max-width: 100%; } .pages { margin-top: 3rem; display: flex; justify-content: space-between; }
@media (max-width: 50rem) { body { display: block; } nav { min-height: 0; } main { padding: 1rem; }
  p:has(> img) { overflow-x: auto; } img { max-width: none; width: 52rem; } }
"""


def chapters(pages):
    """Titles and files in the order of SUMMARY.md, which must list every page."""
    found = re.findall(r"^\s*- \[(.+?)\]\((.+?)\)$", pages["SUMMARY.md"], re.M)
    listed = {file for _, file in found}
    left_out = set(pages) - listed - {"SUMMARY.md"}
    lacking = listed - set(pages)
    if left_out or lacking:
        sys.exit(f"SUMMARY.md: not listed: {sorted(left_out)}; listed and not there: {sorted(lacking)}")
    return found


def rendered(text):
    maker = markdown.Markdown(extensions=["tables", "fenced_code", "toc", "sane_lists"])
    body = maker.convert(text)
    return re.sub(r'(href="(?!https?:)[^"#]*?)\.md([#"])', r"\1.html\2", body)


def page(order, at, body):
    title, file = order[at]
    up = "../" * file.count("/")
    link = lambda it: f'{up}{it[1][:-3]}.html'
    menu = "".join(f'<li><a href="{link(it)}"{" class=here" if it[1] == file else ""}>{html.escape(it[0])}</a></li>' for it in order)
    before = f'<a href="{link(order[at - 1])}">← {html.escape(order[at - 1][0])}</a>' if at else "<span></span>"
    after = f'<a href="{link(order[at + 1])}">{html.escape(order[at + 1][0])} →</a>' if at + 1 < len(order) else ""
    return (f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            f"<title>{html.escape(title)} · Unchoke</title><style>{STYLE}</style></head><body><nav><ul>{menu}</ul></nav>"
            f'<main>{body}<p class="pages">{before}{after}</p></main></body></html>\n')


def broken_links(built):
    """Broken links and pictures of the built pages, including links to fragments."""
    faults = []
    for file, text in built.items():
        for target in re.findall(r'(?:href|src)="([^"]+)"', text):
            if target.startswith(("http:", "https:")):
                continue
            path, _, fragment = target.partition("#")
            whole = (TARGET / file).parent / path if path else TARGET / file
            whole = whole.resolve()
            if not whole.is_file():
                faults.append(f"{file}: {target} is not there")
            elif fragment and f'id="{fragment}"' not in whole.read_text():
                faults.append(f"{file}: {target} has no such heading")
    return faults


def main():
    pages = {str(it.relative_to(SOURCE)): it.read_text() for it in sorted(SOURCE.rglob("*.md"))}
    made, faults = generated.pages(ROOT, LAB)
    twice = set(made) & set(pages)
    if twice:
        sys.exit(f"generated and written by hand: {sorted(twice)}")
    pages.update(made)
    order = chapters(pages)
    if TARGET.exists():
        shutil.rmtree(TARGET)
    built = {}
    for at, (_, file) in enumerate(order):
        name = f"{file[:-3]}.html"
        built[name] = page(order, at, rendered(pages[file]))
        (TARGET / name).parent.mkdir(parents=True, exist_ok=True)
        (TARGET / name).write_text(built[name])
    for picture in [*SOURCE.rglob("*.svg"), *SOURCE.rglob("*.toml"), *SOURCE.rglob("*.rs")]:
        shutil.copy(picture, TARGET / picture.relative_to(SOURCE))
    faults += broken_links(built)
    for it in faults:
        print(it, file=sys.stderr)
    print(f"{TARGET / 'index.html'}: {len(built)} pages, {len(faults)} faults")
    sys.exit(1 if faults else 0)


main()
