r"""Manual pages as plain text: the words, headings and paragraphs, without the typesetting.

A small part of roff is understood, in its ``man`` and ``mdoc`` dialects: requests that set words keep the words, fonts
and sizes go, named characters become characters, definitions go. Tables and equations stay as they are written.
"""

import re

_CHARACTERS = {
    "em": "—", "en": "–", "bu": "•", "aq": "'", "Aq": "'", "dq": '"', "lq": "“", "rq": "”", "oq": "‘", "cq": "’",
    "co": "©", "rg": "®", "tm": "™", "hy": "-", "mi": "−", "pl": "+", "ha": "^", "ti": "~", "rs": "\\", "ga": "`",
    "->": "→", "<-": "←", "<=": "≤", ">=": "≥", "mu": "×", "ss": "ß", "fm": "′", "de": "°", "+-": "±", "at": "@",
    "L\"": "“", "R\"": "”", "C`": "“", "C'": "”",
}
_ESCAPE = re.compile(
    r"""\\(?:
      (?P<comment>["#].*$)
    | f(?:\[[^\]]*\]|\(..|.)                    # font
    | s(?:[+-]?\d+|[+-]?\[[^\]]*\]|\([+-]?..)   # size
    | [mMkgFn](?:[+-]?\[[^\]]*\]|[+-]?\(..|.)   # colour, register, family
    | [hvwlLDoZbXRN]'[^']*'                     # movement, drawing
    | \*?(?:\[(?P<long>[^\]]*)\]|\((?P<short>..))
    | \*.
    | (?P<one>.)
    )|\\$""",
    re.VERBOSE,
)
_ONE = {"-": "-", "e": "\\", "\\": "\\", " ": " ", "~": " ", "0": " ", "'": "'", "`": "`", ".": ".", "t": "\t"}
_ARGUMENT = re.compile(r'"((?:[^"]|"")*)"?|(\S+)')
_JOINED = {"BR", "RB", "BI", "IB", "IR", "RI"}
_SPACED = {"B", "I", "R", "SM", "SB", "IP", "TP", "TQ", "It", "MT", "UR"}
_HEADING = {"SH", "SS", "Sh", "Ss"}
_BREAK = {"PP", "P", "LP", "Pp", "sp", "HP", "bp"}
_CALLABLE = re.compile(r"[A-Z][a-z]")


def plain(page: str) -> str:
    """The text of a manual page; ends in one newline, or is empty where the page only points at another."""
    lines: list[str] = []
    skipping = False
    for line in page.splitlines():
        if skipping:
            skipping = not line.startswith("..")
        elif line.startswith((".de", ".am", ".ig")):
            skipping = True
        elif line.startswith((".", "'")):
            lines += _request(line[1:].lstrip())
        else:
            lines.append(_characters(line).rstrip())
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
    return f"{text}\n" if text.strip() else ""


def _request(line: str) -> list[str]:
    """The lines that a request sets."""
    name, _, rest = line.partition(" ")
    arguments = [quoted.replace('""', '"') or plain for quoted, plain in _ARGUMENT.findall(rest)]
    if name in _HEADING:
        return ["", _characters(" ".join(arguments)), ""]
    if name in _BREAK:
        return [""]
    if name in ("TH", "Dt"):
        return [_characters(f"{arguments[0]}({arguments[1]})")] if len(arguments) > 1 else []
    if name in _JOINED:
        return [_characters("".join(arguments))]
    if name == "IP":
        return ["", _characters("".join(arguments[:1]))]
    if name in _SPACED:
        return [_characters(" ".join(arguments))]
    if _CALLABLE.fullmatch(name) and name not in ("Bl", "El", "Bd", "Ed", "Os", "Dd"):
        return [_characters(_mdoc([name, *arguments]))]
    return []


def _mdoc(words: list[str]) -> str:
    """The words between callable macros; a flag gets its dash."""
    out: list[str] = []
    dash = ""
    for word in words:
        if _CALLABLE.fullmatch(word):
            dash = "-" if word == "Fl" else ""
        else:
            out.append(dash + word)
            dash = ""
    return " ".join(out)


def _characters(text: str) -> str:
    return _ESCAPE.sub(_character, text) if "\\" in text else text


def _character(match: re.Match[str]) -> str:
    named = match["long"] or match["short"]
    if named:
        return _CHARACTERS.get(named, chr(int(named[1:], 16)) if re.fullmatch(r"u[0-9A-F]{4,5}", named) else "")
    return _ONE.get(match["one"], "") if match["one"] else ""
