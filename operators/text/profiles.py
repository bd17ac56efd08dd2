"""Profiles: what systems fold in a text before they cut it into shingles.

    profile      steps, in their order
    none         none: the text as it is
    folded       ASCII letters lowered; with shingles of ``folded`` words, ours
    lowered      lowered
    fineweb      lowered · numbers to 0 (digits of any script, with one decimal separator) · datatrove's punctuation and control
                 characters to spaces · decomposed (NFD), without marks of category Mn · white space collapsed
    slimpajama   lowered · ASCII punctuation removed · white space collapsed
    textdedup    lowered · all but letters, digits and underscores to spaces · white space collapsed
    redpajama    ASCII punctuation removed · lowered · decomposed (NFD) · white space collapsed

*Collapsed*: each run of white space, as ``str.split`` sees it, is one space, and none is left at the ends. Datatrove and
RedPajama do so one step earlier, which differs only where a mark stands alone between spaces. Every step but numbers and
white space is of one character at a time, so final sigma is lowered as any other, and marks of several classes on one letter
stay in the order they are in. Data are of Unicode 14.0: later characters stay as they are.
"""

import functools
import string
import unicodedata
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from corpusmill.operators.text.categories import WORD, categories
from corpusmill.operators.text.shingles import lowered
from corpusmill.operators.text.simd import (
    NONE,
    PADDING,
    between,
    byte_at,
    inlined,
    kernel,
    low_bits,
    lowest,
    put_byte,
    put_word,
    word_at,
)
from corpusmill.operators.text.unicode import CODE_POINTS, DECODABLE, DIGIT, SPACE, classes, decode_runs
from corpusmill.operators.text.words import decode

PROFILES = ("none", "folded", "lowered", "fineweb", "slimpajama", "textdedup", "redpajama")
NO_COPY, ASCII_LOWERED, BY_TABLE = range(3)

KEPT, SPACED, MAPPED, NUMBER, DROPPED = range(5)  # what becomes of a character
REMOVED = 0xFF  # in the table of ASCII
MAPPABLE = 0x30000  # no character above becomes others
ASSIGNED, MARK = 1, 2

# What datatrove 0.10 turns into spaces, besides control characters.
PUNCTUATION = "!/—”:％１〈&(、━\\【#%「」，】；+^]~“《„';’{|∶´[=-`*．（–？！：$～«〉,><》)?）。…@_.\"}►»"
CONTROLS = "".join(map(chr, (*range(9), 11, 12, *range(13, 32), *range(127, 160))))
UNCASED = ((0x3400, 0xA000), (0x20000, 0x2F800), (0x30000, 0x31350))  # ideographs: no step changes them, and they are many


class Folding(NamedTuple):
    """A profile as the kernel reads it."""

    mode: int  # NO_COPY, ASCII_LOWERED or BY_TABLE
    ascii: npt.NDArray[np.uint8]  # what each ASCII character becomes, or REMOVED
    actions: npt.NDArray[np.uint8]  # by code point
    where: npt.NDArray[np.int32]  # of MAPPED characters: where in ``pieces`` the length and the bytes of what they become are
    pieces: npt.NDArray[np.uint8]
    numbers: bool  # whether numbers become 0
    collapsed: bool  # whether white space is collapsed
    growth: int  # bytes that a byte becomes at most


@functools.cache
def folding(profile: str) -> Folding:
    """The tables of one of PROFILES."""
    if profile in ("none", "folded"):
        nothing = np.zeros(0, np.uint8)
        return Folding(ASCII_LOWERED if profile == "folded" else NO_COPY, nothing, nothing, np.zeros(0, np.int32), nothing,
                       False, False, 1)
    spaced = categories() & WORD == 0 if profile == "textdedup" else classes() & SPACE != 0
    return _tables(_STEPS[profile], spaced & (profile != "lowered"), profile == "fineweb", profile != "lowered")


@functools.cache
def marks() -> npt.NDArray[np.uint8]:
    """ASSIGNED and MARK (category Mn) by code point."""
    return decode_runs(RUNS)


def _decomposed(text: str) -> str:
    return "".join(unicodedata.normalize("NFD", character) for character in text)


def _fineweb(character: str) -> str:
    spaced = "".join(" " if c in _FINEWEB_SPACES else c for c in character.lower())
    return "".join(c for c in _decomposed(spaced) if not marks()[ord(c)] & MARK)


def _slimpajama(character: str) -> str:
    return "".join(c for c in character.lower() if c not in string.punctuation)


def _textdedup(character: str) -> str:
    return "".join(c if categories()[ord(c)] & WORD else " " for c in character.lower())


def _redpajama(character: str) -> str:
    return "" if character in string.punctuation else _decomposed(character.lower())


_FINEWEB_SPACES = frozenset(PUNCTUATION + CONTROLS)
_STEPS: dict[str, Callable[[str], str]] = {
    "lowered": str.lower, "fineweb": _fineweb, "slimpajama": _slimpajama, "textdedup": _textdedup, "redpajama": _redpajama,
}


def _tables(step: Callable[[str], str], spaced: npt.NDArray[np.bool_], numbers: bool, collapsed: bool) -> Folding:
    actions, where, ascii_ = np.zeros(DECODABLE, np.uint8), np.zeros(MAPPABLE, np.int32), np.arange(128, dtype=np.uint8)
    pieces, growth = bytearray(), 1
    actions[spaced] = SPACED
    if numbers:
        actions[(classes() & DIGIT) != 0] = NUMBER
    for point in _changeable(actions):
        found = step(chr(point)).encode()
        if point < 0x80:
            ascii_[point] = found[0] if found else REMOVED
        elif collapsed and found and not found.strip(b" "):
            actions[point] = SPACED
        elif not found:
            actions[point] = DROPPED
        elif found != chr(point).encode():
            actions[point], where[point] = MAPPED, len(pieces)
            pieces += bytes([len(found)]) + found
            growth = max(growth, -(-len(found) // len(chr(point).encode())))
    ascii_[actions[:128] == SPACED] = 0x20
    return Folding(BY_TABLE, ascii_, actions, where, np.frombuffer(bytes(pieces), np.uint8), numbers, collapsed, growth)


def _changeable(actions: npt.NDArray[np.uint8]) -> list[int]:
    """Code points that a step may change: those assigned that are neither space nor number, without ideographs."""
    able = (marks()[:CODE_POINTS] & ASSIGNED != 0) & (actions[:CODE_POINTS] == KEPT)
    for first, end in UNCASED:
        able[first:end] = False
    return [int(point) for point in np.flatnonzero(able)]


def room(folding: Folding, longest: int) -> npt.NDArray[np.uint8]:
    """Scratch for the folded form of documents of up to ``longest`` bytes."""
    return np.zeros(0 if folding.mode == NO_COPY else longest * folding.growth + 2 * PADDING, np.uint8)


@kernel
def fold(address: int, length: int, folding: Folding, target: int) -> int:
    """Write the folded form of the document at an address; returns its bytes. ``target`` has ``room`` for it."""
    if folding.mode == ASCII_LOWERED:
        for at in range(0, length, 8):
            put_word(target + at, lowered(word_at(address + at)))
        return length
    at, filled, after_space = 0, 0, folding.collapsed
    while at < length:
        special = between(address + at, 0x80, 0xFF)
        if folding.numbers:
            special |= between(address + at, 0x30, 0x39)
        end = min(at + lowest(special & low_bits(length - at)), length)
        for i in range(at, end):
            byte = np.int64(folding.ascii[byte_at(address + i)])
            put_byte(target + filled, byte)
            space = byte == 0x20 and folding.collapsed
            filled += byte != REMOVED and not (space and after_space)
            after_space = space or (after_space and byte == REMOVED)
        at = end
        if special != NONE and at < length:
            at, filled, after_space = _special(address, length, at, folding, target, filled, after_space)
    return filled - 1 if folding.collapsed and after_space and filled > 0 else filled


@kernel
def _special(
    address: int, length: int, at: int, folding: Folding, target: int, filled: int, after_space: bool
) -> tuple[int, int, bool]:
    """Fold one character beyond ASCII, or one number; returns what is read, what is filled, whether a space was last."""
    point = decode(address + at)
    size = _size(point)
    action = folding.actions[point]
    if action == NUMBER:
        put_byte(target + filled, 0x30)
        return _number_end(address, length, at, folding), filled + 1, False
    if action == SPACED:
        put_byte(target + filled, 0x20)
        return at + size, filled + (0 if after_space else 1), True
    if action == DROPPED:
        return at + size, filled, after_space
    if action == MAPPED:
        start = folding.where[point]
        count = folding.pieces[start]
        for i in range(count):
            put_byte(target + filled + i, np.int64(folding.pieces[start + 1 + i]))
        return at + size, filled + count, folding.collapsed and folding.pieces[start + count] == 0x20
    for i in range(size):
        put_byte(target + filled + i, byte_at(address + at + i))
    return at + size, filled + size, False


@inlined
def _size(point: int) -> int:
    return 1 + (point >= 0x80) + (point >= 0x800) + (point >= 0x10000)


@inlined
def _is_separator(point: int) -> bool:
    """Whether it may stand once in a number."""
    return point in (0x2E, 0x2C, 0x060C, 0x066B, 0x2396, 0x2397, 0x2398)


@kernel
def _number_end(address: int, length: int, at: int, folding: Folding) -> int:
    whole = True
    while at < length:
        point = decode(address + at)
        following = at + _size(point)
        if folding.actions[point] != NUMBER:
            if not (whole and _is_separator(point) and following < length
                    and folding.actions[decode(address + following)] == NUMBER):
                return at
            whole = False
        at = following
    return at


RUNS = (
    "c-nneO^BUW8Ghe$zW;mY-aC_IGLuPers?F`OfsD$jhU%LNt?D>6sf4KMJR%e3ti}<u0$xMn1w|YMM1GHEaJ+)MN1ZyB1#vn;G&iaMWP6<6j!3)!smI;`R?"
    "2n?c&V+zVp53J@3!+KJPpJWEH>QjRmi)@Y>uR>oC?WkEQ>ZZ!>(oh!xG_j(dbm40*XVzJZgK4SW&@em)+-ulw~_dx#Ylr3&AKo`C&n+<>M>A?Y^qv$4gU+"
    "+Tx?<IN*pVhNcsPOQg>C)zNu(oa%{Rk88yxCW_B-;*uw1@;Oa#H}4}JP|4B@+)Ai;yL*iz0iF{Eb=$L(F=zcJQE{#*Wj6K$4;d$2U@~>;cPxp@D!|t`Bvi"
    "&>P)so>F=_xmhxDOy2@-(X`ZF1mrrBH4^Knr@>rSwAHNQ?$eTsqtd`D2-&SCaXV0RnDexO|?t`AWA8~IXjUmg$Y*(f19kDW|gf-c#qgWG5HZaooYqSP7NP"
    "=fW_Nh~RnAwA~-CO)9=l=3U&D_u5f@Fg&!Mk3=89Xzu-rI`rg^whCY_4kszO3a;(3)B~D<Dr>UD2(eop>Jt&%Ce3_XZeSveWZ8!8+;Tb0?`*`pUG2Yz1j4"
    "Y!he-zLBxYHG<3*Ff$_7RY_%p7jcWXN9M(K*N&>9k_6GXE)OFrtnek>iMqw_80!w*Tgrxi2PHMk3!2Yo^6zc`;~R_Z?)-d>K=u;|(=i0%VNpZy@0Zwk6j@"
    "kdV6F8-#5R6c5Z@uJRn+x-Ni|=~lYmNZg_=%Lt$d&gcRf>I3F%WY+5Uiata4&U+7tS!$S2nBw&FYRb9kq51MJ-$L#~&7MYpy-$^jXxVkbQHw~z3~s88$yV"
    "t8JXrKC$qMdYa^qM&s%7MZ_d)}5<4vO*f1ZiK~%@I}7@U(OoQ*vP{r#h{S=syuo4lE<t5?T~{y%fC%dMZZpB@7?%iT1Jv_Ka?0)xV?@w#QTPD5|Pp|?n?|"
    "f1ZzA)K!2ySby#!6zeN=!;5ULSFMVeLEBmUfQDg<S0>wKlaPDJviq(YN4gGbuV<L%dglYww4~sOfL-kp_J%;r$i0$I{Z+~F|_i)9V!4CVb7_UQ&gFi$RBc"
    "89&q=WKWQzMBIbU_~}f)1u}AL92#CSiz%u%cp^Asy?0TL3_&DC(GtHzjeRCW016T_TIroS48ikyuQGz@pv6^Id(ab#q9?3#*p#3|T<6%IT{X0(S*>d@&PP"
    "F$ey0k01<3@#%s+eXswW`TwlVa9{{W6aLmRr}#pL`La#?MbhSFHUJRGBu=Oge{UBgSh0nU-SFHgf5{jfSQbR&$-0i@iio)qcqm^o#@+}?{Spjeq3uBa6B$"
    "@;yC5OAr(A?^!N@f1_gipziUYGq`=<~;O|G?Vf428|OJW6xsqst5$uI-DZ&-u3ykGMdn21#v*&xV7{I<}3znq|F=W=)A1?(0dfa2E9XGcm@0jgK1z6yX8m"
    "|_BOmRP9-4EoM+LY<nRY7thhs|f9Bc5xWlBG{zAAYI4Q&4)1ZA%D>J{4QI<stI`9-r0|W#**#ay4iL=ERR=7e6|XD<i#^T4$!l}nCi=M>})C1OyQtY;Os("
    "1YAtM0*E(AyvK@U(B-N;WHGVtm0%roKwng(vG&#}WHc%ZN7j6?}fqv|s1-4I7A0R`!s;>ra@|N%pqeV}B{a_L2V?e0^j!m?*uR3^=oR}E?h$SA5HbpU2c~"
    "VQ0V~(EtMGY(c_6Cx03c}6Y`T`yiO-ptN<6=+jNm&r7Uq+%tY-*Mz;(F9>I-G0MjB1bjN0GrMPajQoYMLjwknK`Pq3!`mGQUCHmQHWrW9N5>G71%cqrS{*"
    "?-bJqBzp-6xe-LrGqs^)Wrb|Acs8MMRUxVS0oop%$9RT;frAKllY}col}aI~!1OIgCJ&hQd{8GY>;>1rcoAlNueQ(l=asmD|Jv=<!~SV(|Fls-y?oMNF6`"
    "ztzlp(2=<N`*k63DwQ&`Co>cE~gkkV<;qLmo;P-;Ib{gZaxKdAaa@8BeYdLz}5dPn}RUD*A43npmoulEaYy^lW(wu2}yEBntxdwRt`2c;yMR?Z|4l=kLUy"
    "c2e?UY@Wk{!g0oE_{6-BD5@U)F__9-;3^cujY~O68l4c1Si(*hWp2H-TPC9b6EzNGR$Q_lkUj_Pm|w|=kh4?e+t}tjR&9OpI;Pl4{lympJ2PJL58f1vHh+"
    "=82^+;k7ZRu%3^81chV`WtwoBQ!e0ukdj#Pe9Oy(>w^I8k=7jA28yek0(;4)+S_6DK{*B7-vk$@ZU!?;Z`A|>)T~?GviApCIM~nD2`M0nBTc5XLK_7K5t4"
    "pLHE!!o?e=TSpdmP~(=TUMjxOV;%w|!uLNdj#eG=OI$>x~+ECI~W<{{)V56dcOdv3~b6`pKo!%&V_)x*TZ+j9N9)&C=q3hn1jOA)Af%ze$VtFhqCumBw%V"
    "Hh|-AZsL|d(!Hm4V9C$lV?S8)XAArDz+ai!^M5#t>!<!Hd(z`S+`j&w!G8gVM3%<"
)
