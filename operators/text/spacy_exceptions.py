"""The chunks that spaCy 3.8's ``blank("en")`` splits (or does not split) by list, and the units that it splits off.

What ``spacy.lang.en`` lists, told as a grammar: contractions are stems and endings, with an apostrophe and without,
capitalised and not; all else is one token. ``benchmarks/agreement/spacy_table.py`` compares the result with spaCy's.
"""

import itertools
from collections.abc import Iterator, Mapping

Tokens = tuple[str, ...]

# Stems, and what may follow them; | stands where tokens part. Each also occurs without its apostrophes and capitalised.
_CONTRACTIONS = {
    "i": "'m 'm|a",
    "i you he she it we they who what when where why how there that this these those": "'ll 'll|'ve 'd 'd|'ve",
    "i you we they who what when where why how there these those not could might must should would": "'ve",
    "you we they who what when where why how there these those": "'re",
    "he she it who what when where why how there that this": "'s",
    "ca could do does did had may might must need ought sha should wo would": "n't n't|'ve",
    "ai are is was were have has dare": "n't",
}
# Also capitalised, but with what they have of apostrophes.
_OTHERS = "how|'d|'y can|not gon|na got|ta let|'s c'm|on"
_UNCAPITALISED = "y'|all y|all"
# Words that a contraction without its apostrophe would spell.
_WORDS = {"ill", "its", "hell", "shell", "shed", "were", "well", "whore"}

_SHORTENED = "doin goin nothin nuthin ol somethin lovin havin"  # with an apostrophe at the end and without, capitalised too
_LEADING = "em ll nuff"  # with an apostrophe before them and without
_CLIPPED = "'cause 'cos 'coz 'cuz ma'am o'clock"  # capitalised too
_WHOLE = (
    "' '' 's 'S ‘s ‘S 're 'd 'bout and/or w/o a.m. p.m. e.g. E.g. E.G. i.e. I.e. I.E. vs. v.s. co. Co. "
    "Adm. Bros. Corp. D.C. Dr. Gen. Gov. Inc. Jr. Ltd. Md. Messrs. Mo. Mont. Mr. Mrs. Ms. Mt. Ph.D. Prof. Rep. Rev. Sen. St. "
    "Ak. Ala. Apr. Ariz. Ark. Aug. Calif. Colo. Conn. Dec. Del. Feb. Fla. Ga. Ia. Id. Ill. Ind. Jan. Jul. Jun. Kan. Kans. Ky. "
    "La. Mar. Mass. Mich. Minn. Miss. N.C. N.D. N.H. N.J. N.M. N.Y. Neb. Nebr. Nev. Nov. Oct. Okla. Ore. Pa. S.C. Sep. Sept. "
    "Tenn. Va. Wash. Wis. ä. ö. ü. C++ — \\t \\n \\\") <space>"
)
_FACES = (
    ":) :-) :)) :-)) :))) :-))) (: (-: :( :-( :(( :-(( :((( :-((( ): )-: =) (= =( :] :-] [: [-: [= ]= =[ =] :o) (o: :} :-} "
    "8) 8-) (-8 ;) ;-) (; (-; >:( :') :'-) :'( :'-( :/ :-/ =/ =| :| :-| :1 :P :-P :p :-p :O :-O :o :-o :0 :-0 :() >:o :* :-* "
    ":3 :-3 =3 :> :-> :X :-X :x :-x :D :-D ;D ;-D =D xD XD xDD XDD 8D 8-D ^_^ ^__^ ^___^ >.< >.> <.< ._. ;_; -_- -__- v.v V.V "
    "v_v V_V o_o o_O O_o O_O 0_o o_0 0_0 o.O O.o O.O o.o 0.0 o.0 0.o @_@ <3 <33 <333 </3 (^_^) (-_-) (._.) (>_<) (*_*) (¬_¬) "
    "ಠ_ಠ ಠ︵ಠ (ಠ_ಠ) ¯\\(ツ)/¯ (╯°□°）╯︵┻━┻ ><(((*>"
)

# Split off after an ASCII digit, longest first by construction: no unit begins within a number.
_MORE_UNITS = (
    "ha µm nm yd in ft kg g mg µg t lb oz m/s km/h kmh mph hPa Pa mbar mb MB kb KB gb GB tb TB T G M K % "
    "нм кг г мг м/с км/ч кПа Па мбар Кб КБ кб Мб МБ мб Гб ГБ гб Тб ТБ غرام جرام جم كغ ملغ كوب اكواب"
)
_MEASURES = "km m dm cm mm", " км м дм см мм", "كم م سم مم"
UNITS = (
    *(f"{unit}{power}" for family in _MEASURES for unit in family.split() for power in ("", "²", "³")),
    *_MORE_UNITS.split(),
    "тбكم",  # two lists run into each other in spaCy
    "US$", "C$", "A$",
)  # fmt: skip


def exceptions() -> Mapping[str, Tokens]:
    """Every listed chunk without whitespace, and its tokens."""
    found = {"".join(tokens): tokens for tokens in _listed()}
    return found | {_curly(chunk): tuple(map(_curly, tokens)) for chunk, tokens in found.items()}


def _listed() -> Iterator[Tokens]:
    for tokens in _contractions():
        yield from _both_cases(tokens)
    for entry in _OTHERS.split():
        yield from _both_cases(tuple(entry.split("|")))
    yield from (tuple(entry.split("|")) for entry in _UNCAPITALISED.split())
    for word in _SHORTENED.split():
        yield from itertools.chain(_both_cases((word,)), _both_cases((f"{word}'",)))
    for word in _LEADING.split():
        yield from ((word,), (f"'{word}",))
    yield from ((form,) for word in _CLIPPED.split() for form in (word, _capitalised(word)))
    yield from ((f"{hour}", f"{half}") for hour in range(1, 13) for half in ("am", "a.m.", "pm", "p.m."))
    yield from (("°", scale, ".") for scale in "cfkCFK")
    yield from ((f"{letter}.",) for letter in "abcdefghijklmnopqrstuvwxyz")
    yield from ((chunk,) for chunk in f"{_WHOLE} {_FACES}".split())


def _contractions() -> Iterator[Tokens]:
    for stems, endings in _CONTRACTIONS.items():
        for stem, ending in itertools.product(stems.split(), endings.split()):
            yield (stem, *ending.split("|"))
            bare = (stem, *ending.replace("'", "").split("|"))
            if "".join(bare) not in _WORDS:
                yield bare


def _both_cases(tokens: Tokens) -> Iterator[Tokens]:
    yield from (tokens, (tokens[0].capitalize(), *tokens[1:]))


def _capitalised(word: str) -> str:
    """The first letter a capital, wherever it stands."""
    at = next(i for i, character in enumerate(word) if character.isalpha())
    return word[:at] + word[at].upper() + word[at + 1:]


def _curly(chunk: str) -> str:
    return chunk.replace("'", "’")
