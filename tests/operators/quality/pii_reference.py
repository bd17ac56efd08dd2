"""The grammars of ``PII`` once more, as regular expressions over UTF-8 bytes and the standard library's ipaddress.

Nothing is shared with the operator but the names of kinds and the classes of code points.
"""

import ipaddress
import re

from corpusmill.operators.text.wordbreak import CLASS, CLASSES, properties

MASKS = {"email": b"|||EMAIL_ADDRESS|||", "ip": b"|||IP_ADDRESS|||", "phone": b"|||PHONE_NUMBER|||",
         "card": b"|||CARD_NUMBER|||", "iban": b"|||IBAN|||", "key": b"|||KEY|||"}  # fmt: skip
NOT_AFTER, NOT_BEFORE = rb"(?<![A-Za-z0-9])", rb"(?![A-Za-z0-9])"
OCTET = rb"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
LABEL = rb"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
DIGITS = rb"[0-9](?:[ ./-]?[0-9])*"
BODY = rb"(?>(?:" + DIGITS + rb"[ ./-]?)?\([0-9]{1,4}\)(?:[ ./-]?" + DIGITS + rb")?|" + DIGITS + rb")" + NOT_BEFORE
ENDS = rb"(?![A-Za-z0-9])(?![-.][0-9])"
NO_DIGIT_BEFORE = rb"(?<![0-9][-./])"

EMAIL = re.compile(
    rb"(?<![A-Za-z0-9_])(?=[A-Za-z0-9._%+'-]{1,64}@)[A-Za-z0-9_][A-Za-z0-9_%+'-]*(?:\.[A-Za-z0-9_%+'-]+)*@"
    rb"(?:" + LABEL + rb"\.)+[A-Za-z]{2,24}(?![A-Za-z0-9])(?!-[A-Za-z0-9])")  # fmt: skip
IPV4 = re.compile(NOT_AFTER + rb"(?<![0-9]\.)" + OCTET + rb"(?:\." + OCTET + rb"){3}" + NOT_BEFORE + rb"(?!\.[0-9])")
IPV6 = re.compile(rb"(?<![A-Za-z0-9:.])[0-9A-Fa-f]{4}:[0-9A-Fa-f:]*+")
CARD = re.compile(
    rb"(?<![A-Za-z0-9./=])(?<![0-9]-)(?:[0-9]{13,19}|[0-9]{4}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{4}|"
    rb"[0-9]{4}([ -])[0-9]{6}\2[0-9]{4,5})" + ENDS)  # fmt: skip
INTERNATIONAL = re.compile(rb"(?<![A-Za-z0-9+])\+(?=[0-9])(" + BODY + rb")")
LABELLED = re.compile(rb"(?<![A-Za-z])(?i:telephone|tel|phone|fax|mobile|cell)[ .:]{1,3}(" + BODY + rb")")
NORTH = re.compile(
    rb"(?<![A-Za-z0-9+])" + NO_DIGIT_BEFORE + rb"(?:\([2-9][0-9]{2}\) ?[2-9][0-9]{2}[-. ][0-9]{4}|"
    rb"(?:1[-. ])?[2-9][0-9]{2}([-.])[2-9][0-9]{2}\1[0-9]{4})" + ENDS)  # fmt: skip
SHAPES = re.compile(
    rb"(?<![A-Za-z0-9_-])(?:A[KS]IA[A-Z0-9]{16}(?![A-Za-z0-9_-])|gh[pousr]_[A-Za-z0-9]{36,251}(?![A-Za-z0-9_-])"
    rb"|github_p[A-Za-z0-9_-]{85}(?![A-Za-z0-9_-])|glpat-[A-Za-z0-9_-]{20,64}(?![A-Za-z0-9_-])"
    rb"|xox[abeoprs]-[A-Za-z0-9_-]{10,250}(?![A-Za-z0-9_-])|[sr]k_(?:live|test)_[A-Za-z0-9]{16,247}(?![A-Za-z0-9_-])"
    rb"|AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])|npm_[A-Za-z0-9]{36}(?![A-Za-z0-9_-])"
    rb"|pypi-AgE[A-Za-z0-9_-]{50,500}(?![A-Za-z0-9_-])|hf_[A-Za-z0-9]{30,40}(?![A-Za-z0-9_-])"
    rb"|sk-[A-Za-z0-9_-]{32,250}(?![A-Za-z0-9_-])"
    rb"|eyJ[A-Za-z0-9_-]{10,}+\.eyJ[A-Za-z0-9_-]{10,}+\.[A-Za-z0-9_-]{13,}+)"
    rb"|-----BEGIN ([A-Z0-9 ]{0,49}PRIVATE KEY(?: BLOCK)?)-----(?:(?!-----)[\x00-\x7f])*-----END \1-----")  # fmt: skip
ASSIGNED = re.compile(
    rb"(?i:(?:api|auth|access|secret|private)[_-]?key|token|secret|passwd|password)[\"'`]?[ \t]?(?::=|=>|=|:)[ \t]?[\"'`]?"
    rb"(([A-Za-z0-9+/_-]{20,200}+)(?!\()={0,2})")  # fmt: skip
IBAN = re.compile(NOT_AFTER + rb"[A-Z]{2}[0-9]{2}")
REGISTRY = (
    "AD=24 AE=23 AL=28 AT=20 AZ=28 BA=20 BE=16 BG=22 BH=22 BI=27 BR=29 BY=28 CH=21 CR=22 CY=28 CZ=24 DE=22 DJ=27 DK=18 DO=28 "
    "EE=20 EG=29 ES=24 FI=18 FK=18 FO=18 FR=27 GB=22 GE=22 GI=23 GL=18 GR=27 GT=28 HN=28 HR=21 HU=28 IE=22 IL=23 IQ=23 IS=26 "
    "IT=27 JO=30 KW=30 KZ=20 LB=28 LC=32 LI=21 LT=20 LU=20 LV=21 LY=25 MC=27 MD=24 ME=22 MK=19 MN=20 MR=27 MT=31 MU=30 NI=28 "
    "NL=18 NO=15 OM=23 PK=24 PL=28 PS=29 PT=25 QA=29 RO=24 RS=22 RU=33 SA=24 SC=31 SD=18 SE=24 SI=19 SK=24 SM=27 SO=23 ST=25 "
    "SV=28 TL=23 TN=24 TR=26 UA=29 VA=22 VG=24 XK=20")
IBAN_SIZES = dict(part.split("=") for part in REGISTRY.split())
ASSIGNED_CODES = (
    "7 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 "
    "93 94 95 98 211 212 213 216 218 220 221 222 223 224 225 226 227 228 229 230 231 232 233 234 235 236 237 238 239 240 241 "
    "242 243 244 245 246 247 248 249 250 251 252 253 254 255 256 257 258 260 261 262 263 264 265 266 267 268 269 290 291 297 "
    "298 299 350 351 352 353 354 355 356 357 358 359 370 371 372 373 374 375 376 377 378 379 380 381 382 383 385 386 387 389 "
    "420 421 423 500 501 502 503 504 505 506 507 508 509 590 591 592 593 594 595 596 597 598 599 670 672 673 674 675 676 677 "
    "678 679 680 681 682 683 685 686 687 688 689 690 691 692 800 808 850 852 853 855 856 870 878 880 881 882 883 886 888 960 "
    "961 962 963 964 965 966 967 968 970 971 972 973 974 975 976 977 979 992 993 994 995 996 998")
CODES = set(ASSIGNED_CODES.split())


def every(pattern, data, judge):
    """(start, end, kind) of each match that ``judge`` takes; after one that it does not, from the next byte on."""
    at = 0
    while match := pattern.search(data, at):
        found = judge(match)
        if found:
            yield found
        at = max(found[1], match.start() + 1) if found else match.start() + 1


def emails(data):
    def judge(m):
        image = m[0][-4:].lower() in (b".png", b".jpg", b".gif", b".svg")
        return None if image else (*m.span(), "email")
    yield from every(EMAIL, data, judge)


def ips(data):
    def four(m):
        address = ipaddress.ip_address(m[0].decode())
        public = address.is_global and address not in ipaddress.ip_network("192.0.0.0/24")
        if public and max(map(int, m[0].split(b"."))) < 32:
            return None
        return *m.span(), "ip" if public else "private_ip"

    def six(m):
        end = m.end() - (m[0].endswith(b":") and not m[0].endswith(b"::"))
        after = data[end:end + 2]
        groups = re.findall(rb"[0-9A-Fa-f]+", data[m.start():end])
        if re.match(rb"[A-Za-z0-9]|\.[0-9]", after) or not re.search(rb"[0-9]", data[m.start():end]) or len(groups) < 2:
            return None
        try:
            address = ipaddress.IPv6Address(data[m.start():end].decode())
        except ValueError:
            return None
        special = ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
        public = address in ipaddress.ip_network("2000::/3") and not any(address in ipaddress.ip_network(s) for s in special)
        return m.start(), end, "ip" if public else "private_ip"

    yield from sorted([*every(IPV4, data, four), *every(IPV6, data, six)])


def luhn(digits):
    return sum(sum(divmod(int(c) * 2, 10)) if i % 2 else int(c) for i, c in enumerate(reversed(digits))) % 10 == 0


ISSUERS = re.compile(
    r"4(?:.{12}|.{15})|5[1-5].{14}|(?:222[1-9]|22[3-9].|2[3-6]..|27[01].|2720).{12}|3[47].{13}|(?:30[0-5].|3095|36..|38..|39..).{10}"
    r"|62.{14}|62.{17}|(?:6011|64[4-9].|65..|352[89]|35[3-8].).{12}")  # fmt: skip


def cards(data):
    def judge(m):
        digits = re.sub(rb"[ -]", b"", m[0]).decode()
        return (*m.span(), "card") if ISSUERS.fullmatch(digits) and luhn(digits) else None
    yield from every(CARD, data, judge)


def ibans(data):
    def judge(m):
        size = int(IBAN_SIZES.get(m[0][:2].decode(), 0))
        grouped = data[m.end():m.end() + 1] == b" "
        end = m.start() + size + ((size - 1) // 4 if grouped else 0)
        text = data[m.start():end]
        shape = b" ".join([rb"[A-Z0-9]{4}"] * (size // 4) + [rb"[A-Z0-9]{%d}" % (size % 4)] * (size % 4 > 0)) if grouped \
            else rb"[A-Z0-9]{%d}" % size
        if not size or not re.fullmatch(shape, text) or re.match(rb"[A-Za-z0-9]", data[end:end + 1]):
            return None
        plain = text.replace(b" ", b"").decode()
        value = "".join(str(int(c, 36)) for c in plain[4:] + plain[:4])
        return (m.start(), end, "iban") if int(value) % 97 == 1 else None
    yield from every(IBAN, data, judge)


def in_a_word(before):
    """Whether the text ends within a word, by the classes of UAX #29 but for the underscore; marks after a letter count."""
    kinds = [CLASSES[n & CLASS] for n in properties()[[ord(c) for c in before]]]
    while kinds and kinds[-1] in ("Extend", "Format", "ZWJ"):
        kinds.pop()
    return bool(kinds) and kinds[-1] in ("ALetter", "Hebrew_Letter", "Numeric")


def phones(data):
    def international(m):
        digits = re.sub(rb"[^0-9]", b"", m[1]).decode()
        called = re.fullmatch("1[2-9].{9}", digits) or any(digits[:n] in CODES for n in (1, 2, 3))
        return (*m.span(), "phone") if 8 <= len(digits) <= 15 and called else None

    def labelled(m):
        if in_a_word(data[:m.start()].decode(errors="ignore")):
            return None
        digits = re.sub(rb"[^0-9]", b"", m[1])
        return (*m.span(1), "phone") if 7 <= len(digits) <= 15 else None

    found = sorted([*every(INTERNATIONAL, data, international), *every(LABELLED, data, labelled),
                    *every(NORTH, data, lambda m: (*m.span(), "phone"))], key=lambda s: (s[0], -s[1]))
    end = 0
    for span in found:
        if span[0] >= end:
            yield span
            end = span[1]


def assigned(data):
    def judge(m):
        value = m[2]
        random = len(re.findall(rb"[0-9]", value)) >= 2 and len(re.findall(rb"[A-Za-z]", value)) >= 2 and len(set(value)) >= 10
        return (*m.span(1), "key") if random else None
    yield from every(ASSIGNED, data, judge)


def spans(data):
    """All of them; where two overlap the one that comes first in this order."""
    taken = []
    for finder in (lambda d: every(SHAPES, d, lambda m: (*m.span(), "key")), emails, assigned, ibans, cards, ips, phones):
        found = [s for s in finder(data) if not any(s[0] < end and start < s[1] for start, end, _ in taken)]
        taken = sorted(taken + found)
    return taken
