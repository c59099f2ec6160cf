"""What the tests in the browser do on a page, and where things are on it."""

import time

import numpy as np

MAP = "#/map?x=bench~cifar10~test~clean&y=bench~cifar10~test~pgd@8/255"
PGD = {"dataset": "cifar10", "metric": "pgd@8/255", "split": "test"}


def until(page, expression, arg=None):
    """Waits for a condition; Playwright's own way evaluates text inside the page, which its policy forbids."""
    deadline = time.monotonic() + 60
    while not page.evaluate(expression, arg):
        assert time.monotonic() < deadline, f"never true: {expression} {arg or ''}"
        page.wait_for_timeout(20)


def best(table):
    return table.best(PGD["dataset"], PGD["metric"], split="test")[0][0]


def text_of(page, selector):
    return page.inner_text(selector)


def row_of(page, table, column):
    """Texts of one line of measurements: metric, accuracy, rank, runs."""
    cells = page.locator(f'section[aria-label="{table}"] tr[data-column="{column}"]').first.locator("th, td")
    found = cells.all_inner_texts()
    return found[0], found[1], found[3], found[4]


def paste(page, text):
    page.fill("#paste", text)
    page.press("#paste", "Enter")


def wait_hash(page, part):
    until(page, "part => location.hash.includes(part)", arg=part)


def downloaded(page, label, section):
    with page.expect_download() as waiting:
        page.locator(f'section[aria-label="{section}"]').get_by_role("button", name=label, exact=True).click()
    with open(waiting.value.path(), encoding="utf-8") as stream:
        return waiting.value.suggested_filename, stream.read()


def plotted(page):
    """Waits until the plot is drawn and gives its box."""
    until(page, "document.querySelector('.plot canvas').width > 300")
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    page.locator(".plot canvas").scroll_into_view_if_needed()
    return page.locator(".plot canvas").bounding_box()


def at(box, table, x, y, index, top=52):
    """Where the plot draws a row of the table: its box less the margins, its range widened by 4 %."""
    [a, b] = [table.column("cifar10", metric, "test").mean for metric in (x, y)]

    def share(values, value):
        room = 0.04 * (values.max() - values.min())
        return (value - values.min() + room) / (values.max() - values.min() + 2 * room)

    width, height = box["width"] - 82, box["height"] - top - 52
    return box["x"] + 66 + width * share(a, a[index]), box["y"] + top + height * (1 - share(b, b[index]))


def corner(table):
    """The row of highest PGD accuracy: a point with room around it, or one that is drawn over its neighbours."""
    return int(np.argmax(table.column("cifar10", "pgd@8/255", "test").mean))
