"""Tables of numbers of which no file is kept, by page and header, and the files that pictures are drawn from."""
OWED: dict[str, dict[str, str]] = {}
PICTURES: dict[str, str | None] = {}
